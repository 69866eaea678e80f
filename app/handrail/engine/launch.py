"""Seeing to it that an open run has its engine, exactly one, detached from whoever asked."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from handrail.errors import MachineFault, StorageFault
from handrail.paths import StateFolder

START_PATIENCE_SECONDS = 20.0
ALREADY_DRIVEN = 10
SHOWN_LINES = 6
SHOWN_BYTES = 4_000


@contextmanager
def hold_engine_lock(folder: StateFolder, run: str) -> Iterator[bool]:
    """Hold the lock that makes a process the run's engine; yields False where another one has it."""
    folder.run(run).mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder.engine_lock(run), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def engine_alive(folder: StateFolder, run: str) -> bool:
    """Whether some process is the run's engine now."""
    try:
        descriptor = os.open(folder.engine_lock(run), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # A shared lock: two who look at the same time must not take each other for the engine.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def ensure_engine(folder: StateFolder, run: str) -> bool:
    """Start the run's engine where none lives; True if this call started one.

    Returns once the engine drives the run. Raises `MachineFault` where it does not come up, and
    `StorageFault` where its log can't be written.
    """
    if engine_alive(folder, run):
        return False
    try:
        folder.run(run).mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(folder.engine_log(run), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise StorageFault(
            f"The engine of run {run} can't be started: its log can't be written ({error.strerror}).",
            still_safe="what runs goes on; nothing new was started.",
            next_step=f"make {folder.root} writable and see that its disk has space.",
        ) from error
    try:
        # The engine lets a child go on, and ends once that drives the run: so it is nobody's child here,
        # and what this waits for is the beginning, not the run.
        answer = subprocess.run(
            [sys.executable, "-P", "-m", "handrail.engine", run, "--state", str(folder.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            cwd=folder.root,
            timeout=START_PATIENCE_SECONDS,
            check=False,
        )
    except OSError as error:
        raise MachineFault(
            f"The engine of run {run} can't be started: {error.strerror}.",
            still_safe="what runs goes on; nothing new was started.",
            next_step="see that this machine can start processes, then attach again.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise _not_up(folder, run) from error
    finally:
        os.close(log)
    if answer.returncode == ALREADY_DRIVEN:
        return False
    if answer.returncode != 0:
        raise _not_up(folder, run)
    return True


def _not_up(folder: StateFolder, run: str) -> MachineFault:
    return MachineFault(
        f"The engine of run {run} did not come up.",
        evidence=_last_words(folder, run),
        still_safe="what runs goes on; nothing new was started.",
        next_step=f"mend what it says, then attach again. Its log is {folder.engine_log(run)}.",
    )


def _last_words(folder: StateFolder, run: str) -> str:
    try:
        with folder.engine_log(run).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - SHOWN_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-SHOWN_LINES:])
