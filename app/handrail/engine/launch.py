"""Seeing to it that an open run has its engine, exactly one, detached from whoever asked."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from handrail.errors import MachineFault, StorageFault
from handrail.paths import StateFolder

START_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.01


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

    Returns once the engine holds its lock. Raises `MachineFault` where it does not come up, and
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
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "handrail.engine", run, "--state", str(folder.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            cwd=folder.root,
        )
    except OSError as error:
        raise MachineFault(
            f"The engine of run {run} can't be started: {error.strerror}.",
            still_safe="what runs goes on; nothing new was started.",
            next_step="see that this machine can start processes, then attach again.",
        ) from error
    finally:
        os.close(log)
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if engine_alive(folder, run):
            return True
        if process.poll() is not None:
            # Another one may have been quicker, or the run closed while this one came up.
            if process.returncode == 0:
                return False
            break
        time.sleep(_POLL_SECONDS)
    raise MachineFault(
        f"The engine of run {run} did not come up.",
        still_safe="what runs goes on; nothing new was started.",
        next_step=f"read {folder.engine_log(run)}, then attach again.",
    )
