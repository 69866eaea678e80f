"""When the lines of a log were written, from what the shim noted: how long the log was at which time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 4096
_LONGEST_NOTE_BYTES = 64


def times_path(log: Path) -> Path:
    """The notes beside a log (`paths.AttemptFiles.times`)."""
    return log.with_name(f"{log.name}.times")


def line_times(notes: Path, starts: Sequence[int]) -> list[float | None]:
    """The wall times at which the lines that begin at these offsets, rising, were first seen in the log.

    `None` where nothing was noted. The notes are searched, never loaded, for those of a long watch are many.
    """
    times: list[float | None] = [None] * len(starts)
    if not starts:
        return times
    try:
        with notes.open("rb", buffering=0) as file:
            file.seek(_place_of(file, starts[0]))
            done = 0
            rest = b""
            while done < len(starts) and (data := file.read(_BLOCK_BYTES)):
                *complete, rest = (rest + data).split(b"\n")
                for note in complete:
                    size, wall = _read(note)
                    while done < len(starts) and size > starts[done]:
                        times[done] = wall
                        done += 1
    except (OSError, ValueError):
        pass  # a torn note costs the times of some lines
    return times


def _place_of(file: BinaryIO, start: int) -> int:
    """The offset of a note at, or shortly before, the first one of a log longer than `start`."""
    low, high = 0, file.seek(0, 2)
    while high - low > _BLOCK_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        head, found, rest = file.read(2 * _LONGEST_NOTE_BYTES).partition(b"\n")
        note, complete, _ = rest.partition(b"\n")
        if not found or not complete:
            break
        if _read(note)[0] > start:
            high = middle
        else:
            low = middle + len(head) + 1
    return low


def _read(note: bytes) -> tuple[int, float]:
    size, wall = note.split()
    return int(size), float(wall)
