"""Beginning an attempt: its folder, its spec, and the shim that no longer needs whoever launched it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from handrail.attempts.durable import sync_folder, write_whole
from handrail.attempts.spec import AttemptSpec
from handrail.errors import MachineFault, StorageFault
from handrail.paths import AttemptFiles

__all__ = ["AttemptSpec", "shim_words", "start_shim", "write_spec"]

SHIM = Path(__file__).with_name("shim.py")
_START_PATIENCE_SECONDS = 30.0
_SHOWN_BYTES = 2000


def write_spec(files: AttemptFiles, spec: AttemptSpec) -> None:
    """Make the attempt's folder (0700) and put its spec (0600) on the disk.

    Raises `StorageFault` where that fails, or where the attempt was begun before.
    """
    try:
        files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if files.claim.exists():
            raise StorageFault(
                f"The attempt in {files.folder} was begun before.",
                still_safe="it was left as it is.",
                next_step="start another attempt, with the next number.",
            )
        sync_folder(files.folder.parent)
        write_whole(files.spec, spec.as_json())
    except OSError as error:
        raise StorageFault(
            f"The attempt's files in {files.folder} can't be written: {error.strerror}.",
            still_safe="the step was not started.",
            next_step="free space on its disk, or make the folder writable; then try again.",
        ) from error


def start_shim(files: AttemptFiles, *, crash_at: str | None = None) -> None:
    """Start the shim of an attempt whose spec is written, detached: it is nobody's child when this returns.

    Waits only until the shim's interpreter is up (tens of milliseconds), never for the task. `crash_at`
    names a fault point of `shim.py` for a test. Raises `StorageFault` where the attempt's files can't be
    written, `MachineFault` where the shim can't be started; the task was not started then.
    """
    command = [sys.executable, "-S", "-E", "-P", str(SHIM), str(files.folder)]
    if crash_at is not None:
        command += ["--crash-at", crash_at]
    try:
        descriptor = os.open(files.shim_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise StorageFault(
            f"The attempt's files in {files.folder} can't be written: {error.strerror}.",
            still_safe="the step was not started.",
            next_step="free space on its disk, or make the folder writable; then try again.",
        ) from error
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=descriptor,
            start_new_session=True,
            close_fds=True,
            cwd="/",
            timeout=_START_PATIENCE_SECONDS,
            check=False,
        )
    except OSError as error:
        raise MachineFault(
            f"The shim can't be started: {error.strerror}.",
            still_safe="the step was not started.",
            next_step="see that this machine can start processes (`ulimit -u`, memory), then try again.",
            evidence=" ".join(command),
        ) from error
    except subprocess.TimeoutExpired as error:
        raise MachineFault(
            f"The shim did not come up within {_START_PATIENCE_SECONDS:.0f} s.",
            still_safe="whether the step was started is read from its files before anything is repeated.",
            next_step="look at the machine's load, then let handrail look at the step again.",
        ) from error
    finally:
        os.close(descriptor)
    if answer.returncode != 0:
        raise MachineFault(
            "The shim could not begin the attempt.",
            still_safe="the step was not started.",
            next_step="see the evidence; mend the installation, then try again.",
            evidence=shim_words(files),
        )


def shim_words(files: AttemptFiles) -> str:
    """The end of what the shim said of itself; empty where it said nothing."""
    try:
        content = files.shim_log.read_bytes()
    except OSError:
        return ""
    return content[-_SHOWN_BYTES:].decode(errors="replace").strip()
