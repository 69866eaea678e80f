"""How an attempt ended, in a record that is either whole or counts as absent.

The record's space is written before the task starts, so that a disk which the task fills can't take it
away (on a filesystem that writes in place). Standard library only: the shim imports this module.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from handrail.attempts.durable import sync_folder
from handrail.clock import Instant

RECORD_SIZE = 4096
_MAGIC = b"handrail-exit-1"


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A process that outlived its task; `command` is its program alone, since arguments hold secrets."""

    pid: int
    started: str
    name: str
    command: str


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How and when the task ended; exactly one of `exit_code`, `signal` and `start_error` says how.

    `left_behind` are processes that left the task's group (daemons), `still_in_group` those that did not.
    `unlisted` counts those for which the record had no space. With `log_disk_full`, the disk of the log was
    full at the end, so that the log and the report may lack their ends.
    """

    started: Instant
    ended: Instant
    exit_code: int | None = None
    signal: int | None = None
    start_error: str | None = None
    timed_out: bool = False
    cancelled: bool = False
    left_behind: tuple[LeftBehind, ...] = ()
    still_in_group: tuple[LeftBehind, ...] = ()
    unlisted: int = 0
    log_bytes: int = 0
    log_disk_full: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the task ended by itself, with exit code 0."""
        return self.exit_code == 0 and not (self.timed_out or self.cancelled)


def allocate(path: Path) -> int:
    """Make the record's file, write its space to the disk, and return its open descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    written = 0
    while written < RECORD_SIZE:
        written += os.pwrite(descriptor, bytes(RECORD_SIZE - written), written)
    os.fsync(descriptor)
    sync_folder(path.parent)
    return descriptor


def write(descriptor: int, record: ExitRecord) -> None:
    """Put the record into its allocated space, and onto the disk."""
    content = _encode(record)
    written = 0
    while written < len(content):
        written += os.pwrite(descriptor, content[written:], written)
    getattr(os, "fdatasync", os.fsync)(descriptor)


def read(path: Path) -> ExitRecord | None:
    """The record in a file; None where there is none, or where it is not whole."""
    try:
        with path.open("rb") as file:
            content = file.read(RECORD_SIZE)
        magic, length, checksum = (head := content.split(b"\n", 1))[0].split(b" ")
        body = head[1][: int(length)]
        if magic != _MAGIC or _checksum(body) != checksum:
            return None
        return _decode(json.loads(body))
    except (OSError, ValueError, IndexError, TypeError, KeyError):
        return None


def _checksum(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)


def _encode(record: ExitRecord) -> bytes:
    values: dict[str, Any] = asdict(record)
    while True:
        body = json.dumps(values, separators=(",", ":")).encode()
        head = b"%s %d %s\n" % (_MAGIC, len(body), _checksum(body))
        if len(head) + len(body) <= RECORD_SIZE:
            return head + body
        longer = max(("left_behind", "still_in_group"), key=lambda name: len(values[name]))
        if values[longer]:
            values[longer] = values[longer][:-1]
            values["unlisted"] += 1
        else:
            values["start_error"] = (values["start_error"] or "")[:200]


def _decode(values: dict[str, Any]) -> ExitRecord:
    # handrail may be upgraded while a run is open: an engine must understand the record of a newer shim.
    known = {each.name for each in fields(ExitRecord)}
    values = {name: value for name, value in values.items() if name in known}
    for moment in ("started", "ended"):
        values[moment] = Instant(**values[moment])
    for listed in ("left_behind", "still_in_group"):
        values[listed] = tuple(LeftBehind(**each) for each in values[listed])
    return ExitRecord(**values)
