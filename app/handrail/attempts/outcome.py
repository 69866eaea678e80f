"""What became of an attempt, read from its files alone: by this engine, the next one, or any reader.

A reader never takes a lock that a starting shim needs: the lock is looked at only once a claim stands,
and a claim stands only while its shim holds the lock, or after it.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

from handrail.attempts import exit_record
from handrail.attempts.durable import create_exclusively, try_lock
from handrail.attempts.exit_record import ExitRecord
from handrail.attempts.launch import shim_words
from handrail.attempts.report import Report, read_report
from handrail.attempts.spec import read_spec
from handrail.clock import Clock, Instant, SystemClock, boot_id
from handrail.errors import StorageFault
from handrail.paths import AttemptFiles
from handrail.processes import ProcessIdentity

__all__ = [
    "Exited",
    "InDoubt",
    "NeverStarted",
    "Outcome",
    "Report",
    "Running",
    "cancel",
    "cancel_orphan",
    "read_outcome",
    "read_report",
    "seal",
]

SEAL_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class NeverStarted:
    """The task did not run. Unless it is sealed, a late shim may still start it."""

    reason: str
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """The attempt goes on; `identity` is the task's process, None while that is being made.

    `orphaned` means that its shim is dead: nobody will record its end or watch its time.
    """

    identity: ProcessIdentity | None
    since: Instant | None
    orphaned: bool = False


@dataclass(frozen=True, slots=True)
class Exited:
    """The task ended, and how is on record."""

    record: ExitRecord


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The task was let go, and how it ended is not known; `evidence` says what was seen."""

    evidence: str


Outcome = NeverStarted | Running | Exited | InDoubt


def read_outcome(files: AttemptFiles) -> Outcome:
    """What became of the attempt. Raises `StorageFault` where its files can't be read."""
    try:
        claim = _read_values(files.claim)
        if claim is None:
            return NeverStarted(_with_words(files, "Its shim has not claimed it."))
        if record := exit_record.read(files.exit):
            return Exited(record)
        if claim.get("void"):
            return NeverStarted("It was sealed before its shim came.", sealed=True)
        # The task is read before the lock is looked at: a shim that writes it later holds the lock.
        held = _is_held(files.lock)
        task = _read_values(files.task)
        if held:
            since = _instant_of(task) or _instant_of(claim)
            return Running(_identity_of(task), since)
        # It may have ended between the two looks.
        if record := exit_record.read(files.exit):
            return Exited(record)
        return _without_shim(files, claim, task)
    except OSError as error:
        raise StorageFault(
            f"The attempt's files in {files.folder} can't be read: {error.strerror}.",
            still_safe="the step itself is not touched by this.",
            next_step="make the folder readable for this account, then look again.",
        ) from error


def _without_shim(files: AttemptFiles, claim: dict[str, Any], task: dict[str, Any] | None) -> Outcome:
    """What is known when the shim is gone and left no record."""
    if task is None:
        # The task's identity is on the disk before its first instruction: without it, there was none.
        reason = "Its shim ended before it let the task go."
        return NeverStarted(_with_words(files, reason), sealed=True)
    identity = _identity_of(task)
    if identity is not None and identity.is_alive():
        return Running(identity, _instant_of(task), orphaned=True)
    begun = _instant_of(task)
    when = f" It was let go at {begun.datetime():%Y-%m-%d %H:%M:%S} UTC." if begun else ""
    if identity is not None and identity.boot_id != boot_id():
        return InDoubt(f"The machine was restarted while the task ran; its end is not on record.{when}")
    return InDoubt(f"The shim was killed, and the task's process has ended; how is not on record.{when}")


def seal(files: AttemptFiles, clock: Clock | None = None) -> Outcome:
    """Make sure that an attempt which has not begun never will, and say what became of it.

    Takes the claim in the shim's place. Raises `StorageFault` where the files can't be written.
    """
    try:
        files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if files.claim.exists():
            return read_outcome(files)
        descriptor = os.open(files.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + SEAL_PATIENCE_SECONDS
            while not try_lock(descriptor):
                # Whoever holds it without a claim is a shim that makes one just now.
                if files.claim.exists() or time.monotonic() > deadline:
                    return read_outcome(files)
                time.sleep(_POLL_SECONDS)
            now = (clock or SystemClock()).now()
            at = {"wall": now.wall, "boot": now.boot, "boot_id": now.boot_id}
            create_exclusively(files.claim, json.dumps({"void": True, "at": at}).encode())
        except FileExistsError:
            pass
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageFault(
            f"The attempt in {files.folder} can't be sealed: {error.strerror}.",
            still_safe="nothing was started by this.",
            next_step="free space on its disk, or make the folder writable; then look again.",
        ) from error
    return read_outcome(files)


def cancel(files: AttemptFiles) -> Outcome:
    """Ask the attempt's end: its shim sends TERM, waits its grace, sends KILL, and records it.

    Returns at once with what is known now. One that has not begun is sealed; for one without its shim
    (`Running.orphaned`), call `cancel_orphan`.
    """
    claim = _read_values(files.claim)
    if claim is None:
        return seal(files)
    shim = _identity_of(claim)
    if shim is not None:
        shim.signal(SIGTERM)
    return read_outcome(files)


def cancel_orphan(files: AttemptFiles, grace: timedelta | None = None) -> Outcome:
    """End a task whose shim is dead: TERM to its group, its grace, KILL. Blocks until it has ended.

    Its end is nowhere on record, so that the answer is `InDoubt` then. `grace` is the spec's by default.
    """
    found = read_outcome(files)
    if not isinstance(found, Running) or not found.orphaned or found.identity is None:
        return found
    if grace is None:
        grace = timedelta(seconds=read_spec(files.spec).grace_seconds)
    for number, patience in ((SIGTERM, grace.total_seconds()), (SIGKILL, 10.0)):
        found.identity.signal_group(number)
        deadline = time.monotonic() + patience
        while found.identity.is_alive() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    return read_outcome(files)


def _with_words(files: AttemptFiles, reason: str) -> str:
    said = shim_words(files)
    return f"{reason} It said: {said}" if said else reason


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def _read_values(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where the file is missing, an empty one where it is not whole."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _identity_of(values: dict[str, Any] | None) -> ProcessIdentity | None:
    try:
        return (
            ProcessIdentity(int(values["pid"]), str(values["started"]), str(values["boot_id"]))
            if values
            else None
        )
    except (KeyError, TypeError, ValueError):
        return None


def _instant_of(values: dict[str, Any] | None) -> Instant | None:
    try:
        return Instant(**values["at"]) if values else None
    except (KeyError, TypeError):
        return None
