"""Files that a person wrote, read with limits: hostile ones are refused before anything parses them."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from msgspec import Struct

from handrail.problems import Problem

LARGEST_SOURCE_BYTES = 256 * 1024


class Source(Struct, frozen=True):
    """A file's text, without byte order mark and with newlines as `\\n`; `digest` is that of its bytes."""

    path: Path
    text: str
    digest: str


class Unreadable(Exception):
    """The file can't be read as text; `problems` says why and where."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def is_there(path: Path) -> bool:
    """Whether there is a file; nobody's, where the path is none that a file could have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_source(path: Path, *, largest_bytes: int = LARGEST_SOURCE_BYTES) -> Source:
    """The text of a regular file of at most `largest_bytes`.

    Raises `Unreadable` for a missing file, another kind of file, a larger one, NUL bytes, and text
    that isn't UTF-8.
    """

    def refuse(found: str, expected: str, line: int = 1) -> Unreadable:
        return Unreadable([Problem(path, line, "", found, expected)])

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A pipe or a device would be waited for, or read, without end.
            raise refuse("something that is not a file", "a file")
        if status.st_size > largest_bytes:
            raise refuse(f"{status.st_size // 1024} KiB", f"at most {largest_bytes // 1024} KiB")
        with path.open("rb") as stream:
            content = stream.read(largest_bytes + 1)
    except OSError as error:
        raise refuse(f"no readable file ({error.strerror})", "a file that this user may read") from error
    except ValueError as error:
        raise refuse("a name that no file can have", "the path of a file") from error
    if len(content) > largest_bytes:
        raise refuse("a file that grows", f"at most {largest_bytes // 1024} KiB")
    if (nul := content.find(b"\0")) >= 0:
        raise refuse("a NUL byte", "text", _line_at(content, nul))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec removes the mark before it counts.
        start = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
        raise refuse(f"the byte 0x{content[start]:02x}", "text in UTF-8", _line_at(content, start)) from error
    return Source(path, text.replace("\r\n", "\n").replace("\r", "\n"), hashlib.sha256(content).hexdigest())


def _line_at(content: bytes, position: int) -> int:
    before = content[:position].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return before.count(b"\n") + 1
