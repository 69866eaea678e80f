"""What sets a terminal's clipboard, and how it gets through GNU screen."""

from __future__ import annotations

import base64
import re

import pytest

from handrail.tui.clipboard import clipboard_sequence

SCREEN = {"STY": "1.pts", "TERM": "screen.xterm-256color"}


@pytest.mark.parametrize("text", ["", "one line\n", "ümläut ✓\n" * 4000])
def test_it_is_whole_wherever_it_goes(text: str) -> None:
    plain = clipboard_sequence(text, {"TERM": "xterm-256color"})
    kind, letter, data = plain.removesuffix("\a").split(";")
    assert (kind, letter, plain[-1]) == ("\x1b]52", "c", "\a")
    assert base64.b64decode(data).decode() == text

    handed_on = re.findall(r"\x1bP([^\\]{1,256})\x1b\\", clipboard_sequence(text, SCREEN))
    assert "".join(handed_on) == plain
