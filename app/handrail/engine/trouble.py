"""How an engine that can't write the journal says so: in a file whose space it took beforehand.

The journal is the only channel, and it is the one that is closed then. Without this file a full disk
looks to every screen like a step that never ends.
"""

from __future__ import annotations

import os
from pathlib import Path

from handrail.errors import HandrailError

SPACE_BYTES = 4096


class Trouble:
    """The engine's side. Never raises: what can't be told must not be in the way of what can be done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._said = ""
        self._write("")

    def say(self, error: HandrailError) -> bool:
        """Tell every screen what keeps the engine from going on, and what to do; True where it is news."""
        parts = [error.summary]
        if error.next_step:
            parts.append(f"Do now: {error.next_step}")
        text = " ".join(parts)
        news = text != self._known
        self._known = text
        self._write(text)
        return news

    def over(self) -> None:
        """The engine goes on."""
        self._known = ""
        if self._said:
            self._write("")

    def _write(self, text: str) -> None:
        if text and text == self._said:
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                # In one write, over the whole of the space: a reader sees the old text or the new one.
                content = text.encode()[:SPACE_BYTES].decode(errors="ignore").encode()
                os.pwrite(descriptor, content.ljust(SPACE_BYTES), 0)
            finally:
                os.close(descriptor)
        except OSError:
            return
        self._said = text


def trouble_of(path: Path) -> str:
    """What keeps the engine from going on; empty where nothing does."""
    try:
        return path.read_bytes().decode(errors="replace").strip()
    except OSError:
        return ""
