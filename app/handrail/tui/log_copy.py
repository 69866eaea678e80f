"""Lines of a log for elsewhere: the terminal's clipboard, a file, a pager; cleaned and masked in each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from handrail.tui.log_index import LogIndex
from handrail.tui.log_text import colour_text, shown_text

# A clipboard travels over the same link as everything else, and many terminals take no more than this.
CLIPBOARD_BYTES = 24 * 1024
MOST_FILES = 1000


class Excerpt(Struct, frozen=True):
    """Lines of a log as one text, and how many of those that were asked for are in it."""

    text: str
    lines: int
    whole: bool


def clipboard_excerpt(index: LogIndex, first: int, count: int, secrets: Sequence[str] = ()) -> Excerpt:
    """As many whole lines as a clipboard takes; of a line that is longer than that, its beginning."""
    taken: list[str] = []
    room = CLIPBOARD_BYTES
    for line in index.whole_lines(first, count):
        text = shown_text(line, secrets) + "\n"
        size = len(text.encode())
        if size > room:
            if not taken:
                beginning = text.encode()[:room].decode("utf-8", "ignore")
                return Excerpt(beginning, 1, whole=False)
            return Excerpt("".join(taken), len(taken), whole=False)
        room -= size
        taken.append(text)
    return Excerpt("".join(taken), len(taken), whole=True)


def write_excerpt(index: LogIndex, first: int, count: int, secrets: Sequence[str] = ()) -> Path:
    """Write lines into a new file beside the log, for its owner alone (0600). Raises `OSError`."""
    last = first + count
    name = f"{index.path.name}.lines-{first + 1}-{last}"
    path, descriptor = _create(index.path.with_name(name))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            for line in index.whole_lines(first, count):
                file.write(shown_text(line, secrets) + "\n")
    except OSError:
        path.unlink(missing_ok=True)  # half a copy would be taken for the whole
        raise
    return path


def _create(wanted: Path) -> tuple[Path, int]:
    """A file that was not there before, so that nothing is overwritten and no link is followed."""
    for number in range(1, MOST_FILES):
        path = wanted.with_name(f"{wanted.name}{'' if number == 1 else f'-{number}'}.txt")
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(f"there are {MOST_FILES} copies of these lines already")


def for_pager(index: LogIndex, secrets: Sequence[str] = (), *, colours: bool) -> Iterator[bytes]:
    """The whole log in pieces as they are asked for, never as it was written."""
    text_of = colour_text if colours else shown_text
    return _pieces(text_of(line, secrets) for line in index.whole_lines(0, index.line_count))


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    for text in lines:
        yield text.encode("utf-8", "replace") + b"\n"
