"""The task's process: forked, held until its identity is on the disk, then replaced by the program.

Standard library only: the shim imports this module.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from handrail.attempts.durable import write_all
from handrail.attempts.spec import AttemptSpec
from handrail.paths import AttemptFiles

CAN_NOT_START = 127


@dataclass(slots=True)
class HeldTask:
    """A forked process that waits for one byte; when its shim dies first, it ends without having begun."""

    pid: int
    gate: int
    errors: int

    def release(self) -> None:
        """Let the program begin."""
        with suppress(BrokenPipeError):  # it was killed while it waited: its status will say so
            os.write(self.gate, b"1")
        os.close(self.gate)

    def give_up(self) -> None:
        """Let the process end without having begun."""
        os.close(self.gate)

    def start_error(self) -> str | None:
        """Why the program could not be begun; None where it was. To be asked once the process has ended."""
        os.set_blocking(self.errors, False)
        try:
            return os.read(self.errors, 1000).decode(errors="replace") or None
        except BlockingIOError:
            return None


def task_environment(files: AttemptFiles, spec: AttemptSpec) -> dict[str, str]:
    """The inherited environment with what the spec and the attempt add to it."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        **spec.environment,
        "HANDRAIL_ATTEMPT": str(files.folder),
        "HANDRAIL_REPORT": str(files.report),
    }


def fork_task(files: AttemptFiles, spec: AttemptSpec, log: int) -> HeldTask:
    """Fork the process that becomes the task, in a group of its own; it does nothing until released."""
    environment = task_environment(files, spec)
    held, gate = os.pipe()
    errors, error_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            os.close(gate)
            if os.read(held, 1):
                _become(spec, environment, log, error_end)
        finally:
            os._exit(CAN_NOT_START)
    os.close(held)
    os.close(error_end)
    with suppress(OSError):
        os.setpgid(pid, pid)  # here too, since either of the two may be first
    return HeldTask(pid, gate, errors)


def _become(spec: AttemptSpec, environment: dict[str, str], log: int, error_end: int) -> None:
    """Replace this process by the program; return only where that is impossible, and said in the log."""
    # What the shim (and Python) ignore would stay ignored in the program.
    for caught in (
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGPIPE,
        signal.SIGCHLD,
        signal.SIGXFSZ,
    ):
        signal.signal(caught, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    null = os.open(os.devnull, os.O_RDONLY)
    # Every number that the program may keep is taken before anything else is closed, so that no lock,
    # gate or record stays open in it or in a daemon that it starts.
    kept = os.dup(error_end)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for number in [int(name) for name in os.listdir("/dev/fd")]:  # noqa: PTH208
        if number > 2 and number != kept:
            with suppress(OSError):
                os.close(number)
    try:
        os.chdir(spec.cwd)
        os.execvpe(spec.argv[0], spec.argv, environment)  # noqa: S606 - no shell is the point
    except (OSError, ValueError) as error:
        reason = _in_words(spec, error)
        write_all(kept, reason.encode(errors="replace")[:1000])
        write_all(2, f"handrail: {reason}\n".encode(errors="replace"))


def _in_words(spec: AttemptSpec, error: OSError | ValueError) -> str:
    if not Path(spec.cwd).is_dir():
        return f"the working directory {spec.cwd} is missing or may not be entered. Nothing was run."
    why = error.strerror if isinstance(error, OSError) else str(error)
    if isinstance(error, FileNotFoundError):
        why = "the program (or the interpreter that it names) is not installed, or not on PATH"
    return f"{spec.argv[0]} can't be started: {why}. Nothing was run."
