"""What sets the clipboard of the terminal at which a person sits (xterm, "Operating System Commands", 52)."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from handrail.terminals import in_gnu_screen

_PASSED_ON = 256
"""Characters that GNU screen hands on at once; it cuts what is longer than some seven hundred."""


def clipboard_sequence(text: str, environment: Mapping[str, str]) -> str:
    """The sequence for a text; GNU screen swallows it unless it is handed on, in pieces, as it is (DCS)."""
    sequence = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"
    if not in_gnu_screen(environment):
        return sequence
    pieces = [sequence[at : at + _PASSED_ON] for at in range(0, len(sequence), _PASSED_ON)]
    return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
