"""A log of JSON lines in two files of bounded size: `NAME` and the older `NAME.1`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

MOST_BYTES = 4_000_000


class RotatingLog:
    """Written by one task of one process. The file may be moved or removed by others at any time."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes

    def write(self, line: Mapping[str, object]) -> None:
        """Append one line; a file that is then full becomes the older one, and that is forgotten."""
        with self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line, ensure_ascii=False) + "\n")
            full = log.tell() > self._most_bytes
        if full:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
