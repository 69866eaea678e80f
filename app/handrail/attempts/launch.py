"""Beginning an attempt: its folder, its spec, and the shim that no longer needs whoever launched it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from handrail.attempts.durable import sync_folder, write_whole
from handrail.attempts.spec import AttemptSpec
from handrail.errors import MachineFault, StorageFault
from handrail.paths import AttemptFiles

__all__ = ["AttemptSpec", "ShimStarter", "shim_words", "start_shim", "write_spec"]

SHIM = Path(__file__).with_name("shim.py")
_INTERPRETER = (sys.executable, "-S", "-E", "-P", str(SHIM))
_START_PATIENCE_SECONDS = 30.0
_END_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
"""So long after a start no shim is brought up: the task has the processor."""

_AGAIN_SECONDS = 30.0
"""So soon at most is another one made to wait, where the last one ended unasked."""

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
        raise _unwritable(files, error) from error


def start_shim(files: AttemptFiles, *, crash_at: str | None = None) -> None:
    """Start the shim of an attempt whose spec is written, detached: it is nobody's child when this returns.

    Waits only until the shim's interpreter is up (tens of milliseconds), never for the task. `crash_at`
    names a fault point of `shim.py` for a test. Raises `StorageFault` where the attempt's files can't be
    written, `MachineFault` where the shim can't be started; the task was not started then.
    """
    command = [*_INTERPRETER, str(files.folder)]
    if crash_at is not None:
        command += ["--crash-at", crash_at]
    descriptor = _open_log(files)
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
        raise _late() from error
    finally:
        os.close(descriptor)
    if answer.returncode != 0:
        raise MachineFault(
            "The shim could not begin the attempt.",
            still_safe="the step was not started.",
            next_step="see the evidence; mend the installation, then try again.",
            evidence=shim_words(files),
        )


def _open_log(files: AttemptFiles) -> int:
    """The file for what the shim says of itself, open for it to write."""
    try:
        return os.open(files.shim_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise _unwritable(files, error) from error


def _unwritable(files: AttemptFiles, error: OSError) -> StorageFault:
    return StorageFault(
        f"The attempt's files in {files.folder} can't be written: {error.strerror}.",
        still_safe="the step was not started.",
        next_step="free space on its disk, or make the folder writable; then try again.",
    )


def _late() -> MachineFault:
    return MachineFault(
        f"The shim did not come up within {_START_PATIENCE_SECONDS:.0f} s.",
        still_safe="whether the step was started is read from its files before anything is repeated.",
        next_step="look at the machine's load, then let handrail look at the step again.",
    )


class ShimStarter:
    """Starts shims, and keeps one whose interpreter is up: to bring that up is a third of a step's start.

    The waiting one holds no attempt. It ends by itself when its pipe closes, so also with a killed engine.
    """

    def __init__(self) -> None:
        self._waiting: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0
        self._not_while_busy_before = 0.0

    def prepare(self, *, idle: bool) -> None:
        """Have a shim wait for the next attempt; cheap to call again and again, and raises nothing.

        Where an attempt runs (not `idle`), not right after its start: its task wants the processor then.
        """
        now = time.monotonic()
        if self._is_waiting() or now < self._not_before or (not idle and now < self._not_while_busy_before):
            return
        self._not_before = now + _AGAIN_SECONDS
        # Without it, the next attempt's shim is started cold, and says itself what is wrong.
        with suppress(OSError):
            self._waiting = subprocess.Popen(
                [*_INTERPRETER, "--wait"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                close_fds=True,
                cwd="/",
                bufsize=0,
            )

    def start(self, files: AttemptFiles) -> None:
        """As `start_shim`, by the waiting one if there is one."""
        self._not_before, self._not_while_busy_before = 0.0, time.monotonic() + _PAUSE_SECONDS
        if self._is_waiting():
            os.close(_open_log(files))
            if self._hand_over(files):
                return
        # The claim is exclusive: even where the waiting one has begun, the attempt is begun once.
        start_shim(files)

    def close(self) -> None:
        """Let the waiting one go."""
        if (waiting := self._waiting) is None:
            return
        self._waiting = None
        assert waiting.stdin is not None  # noqa: S101  it was started with a pipe
        with suppress(OSError):
            waiting.stdin.close()
        try:
            waiting.wait(_END_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            waiting.kill()
            waiting.wait()

    def _is_waiting(self) -> bool:
        if self._waiting is not None and self._waiting.poll() is not None:
            self.close()
        return self._waiting is not None

    def _hand_over(self, files: AttemptFiles) -> bool:
        """Give the attempt to the waiting one; False where it could not begin it."""
        waiting, self._waiting = self._waiting, None
        assert waiting is not None  # noqa: S101  the caller has looked
        assert waiting.stdin is not None  # noqa: S101  it was started with a pipe
        try:
            with waiting.stdin as pipe:
                pipe.write(json.dumps(str(files.folder)).encode() + b"\n")
            return waiting.wait(_START_PATIENCE_SECONDS) == 0
        except OSError:
            waiting.kill()
            waiting.wait()
            return False
        except subprocess.TimeoutExpired as error:
            raise _late() from error


def shim_words(files: AttemptFiles) -> str:
    """The end of what the shim said of itself; empty where it said nothing."""
    try:
        content = files.shim_log.read_bytes()
    except OSError:
        return ""
    return content[-_SHOWN_BYTES:].decode(errors="replace").strip()
