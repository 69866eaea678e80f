"""The tiny process that owns one attempt: starts the task, outlives all who watch, records the end.

Started as a script, `python -S -E -P shim.py FOLDER [--crash-at POINT]`, in a session of its own; with
`--wait`, the folder comes later, as a line on its standard input, and no line means that there is none. It
imports the standard library and those modules of handrail that do the same: it must start fast, and must
not fail because some package is broken. Exit codes: 0 it did its work, or another one has the attempt;
1 it could not begin, and said why on standard error.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

if __name__ == "__main__":
    # At the end of the path, so that nothing installed beside handrail can stand in for the standard library.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120

from pathlib import Path

from handrail.attempts import exit_record
from handrail.attempts.durable import create_exclusively, sync_folder, try_lock, write_all, write_whole
from handrail.attempts.exit_record import ExitRecord
from handrail.attempts.leftovers import adopt_orphans, list_leftovers
from handrail.attempts.spec import AttemptSpec, read_spec
from handrail.attempts.task_process import HeldTask, fork_task
from handrail.clock import Instant, SystemClock
from handrail.paths import AttemptFiles
from handrail.processes import ProcessIdentity

LOCK_PATIENCE_SECONDS = 10.0
SAMPLE_SECONDS = 0.2
"""The log's size is looked at this often, and written down only when it has grown."""

KILLED_PATIENCE_SECONDS = 5.0
"""How long members of a killed group are waited for, once the task itself has ended."""

FULL_BYTES = 4096
"""With less space than this, a disk counts as full: the next line of a log no longer fits."""

AFTER_CLAIM = "after_claim"
AFTER_TASK_WRITTEN = "after_task_written"
BEFORE_EXIT_RECORD = "before_exit_record"
AFTER_EXIT_RECORD = "after_exit_record"


class _Signals:
    """The signals that matter while the task runs, as bytes in a pipe, so that waiting costs nothing."""

    def __init__(self) -> None:
        self.pipe, end = os.pipe()
        os.set_blocking(self.pipe, False)
        os.set_blocking(end, False)
        self.cancelled = False
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._cancel)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(end, warn_on_full_buffer=False)

    def _cancel(self, number: int, frame: Any) -> None:
        self.cancelled = True

    def wait(self, seconds: float) -> None:
        """Sleep until a signal arrives, `seconds` at most."""
        if select.select([self.pipe], [], [], max(0.0, seconds))[0]:
            try:
                while os.read(self.pipe, 512):
                    pass
            except BlockingIOError:
                pass


@dataclass(slots=True)
class _Ending:
    """How a task that is being ended gets there: TERM was sent, KILL follows at `kill_at` (boot clock)."""

    kill_at: float
    killed_at: float | None = None


class Shim:
    """One attempt, from its lock to its exit record."""

    def __init__(self, files: AttemptFiles, spec: AttemptSpec, crash_at: str = "") -> None:
        self._files = files
        self._spec = spec
        self._crash_at = crash_at
        self._clock = SystemClock()
        self._signals = _Signals()
        self._status: int | None = None
        self._begun = False
        self._timed_out = False
        self._cancelled = False
        self._log_size = 0
        self._sampled_at = 0.0

    def run(self) -> None:
        """Do the whole attempt, unless it was begun or sealed before."""
        if not self._claim():
            return
        self._reach(AFTER_CLAIM)
        record = exit_record.allocate(self._files.exit)
        log = os.open(self._files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        sync_folder(self._files.folder)
        adopt_orphans()
        task = fork_task(self._files, self._spec, log)
        started = self._clock.now()
        identity = ProcessIdentity.of(task.pid)
        values = identity.as_dict() if identity is not None else {}
        write_whole(self._files.task, json.dumps({**values, "at": _instant(started)}).encode())
        self._reach(AFTER_TASK_WRITTEN)
        self._begun = not self._signals.cancelled
        if self._begun:
            task.release()
        else:
            self._cancelled = True
            task.give_up()
        self._follow(task, started)
        self._reach(BEFORE_EXIT_RECORD)
        exit_record.write(record, self._outcome(task, started))
        self._reach(AFTER_EXIT_RECORD)

    def _claim(self) -> bool:
        """Take the lock and begin the attempt; False where another one has it."""
        # The descriptor stays open, and with it the lock, for as long as this process lives.
        lock = os.open(self._files.lock, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while not try_lock(lock):
            if self._files.claim.exists() or time.monotonic() > deadline:
                return False
            self._signals.wait(0.02)
        claim = {**ProcessIdentity.own().as_dict(), "at": _instant(self._clock.now())}
        try:
            create_exclusively(self._files.claim, json.dumps(claim).encode())
        except FileExistsError:
            return False
        return True

    def _follow(self, task: HeldTask, started: Instant) -> None:
        """Wait for the task's end, and bring it about when it is cancelled or takes too long."""
        ending: _Ending | None = None
        limit = self._spec.timeout_seconds
        while self._running(task, ending):
            now = self._clock.now()
            if ending is None:
                self._timed_out = limit is not None and now.boot - started.boot >= limit
                self._cancelled = self._cancelled or self._signals.cancelled
                if self._timed_out or self._cancelled:
                    _signal_group(task.pid, signal.SIGTERM)
                    ending = _Ending(now.boot + self._spec.grace_seconds)
            elif ending.killed_at is None and now.boot >= ending.kill_at:
                _signal_group(task.pid, signal.SIGKILL)
                ending.killed_at = now.boot
            self._sample(now)
            left = SAMPLE_SECONDS
            if ending is not None and ending.killed_at is None:
                left = min(left, ending.kill_at - now.boot)
            elif ending is None and limit is not None:
                left = min(left, limit - (now.boot - started.boot))
            self._signals.wait(left)
        self._sample(self._clock.now(), last=True)

    def _running(self, task: HeldTask, ending: _Ending | None) -> bool:
        """Whether there is something left to wait for: the task itself, or its group while it is ended."""
        self._reap(task)
        if self._status is None:
            return True
        if ending is None or not _signal_group(task.pid, 0):
            return False
        return ending.killed_at is None or self._clock.now().boot < ending.killed_at + KILLED_PATIENCE_SECONDS

    def _reap(self, task: HeldTask) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == task.pid:
                self._status = status

    def _sample(self, now: Instant, *, last: bool = False) -> None:
        """Note how far the log has come, at most five times a second."""
        if not last and now.boot - self._sampled_at < SAMPLE_SECONDS:
            return
        self._sampled_at = now.boot
        try:
            size = self._files.log.stat().st_size
            if size > self._log_size:
                self._log_size = size
                times = os.open(self._files.times, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                try:
                    write_all(times, f"{size} {now.wall:.3f}\n".encode())
                finally:
                    os.close(times)
        except OSError:
            pass  # a full disk costs the times of some lines, never the attempt

    def _outcome(self, task: HeldTask, started: Instant) -> ExitRecord:
        left_behind, still_in_group = list_leftovers(task.pid)
        code = os.waitstatus_to_exitcode(self._status or 0)
        error = task.start_error() if self._begun else "It was cancelled before it began. Nothing was run."
        return ExitRecord(
            started=started,
            ended=self._clock.now(),
            exit_code=code if code >= 0 and error is None else None,
            signal=-code if code < 0 and error is None else None,
            start_error=error,
            timed_out=self._timed_out,
            cancelled=self._cancelled,  # a wish that came after the end changed nothing
            left_behind=left_behind,
            still_in_group=still_in_group,
            log_bytes=self._log_size,
            log_disk_full=_is_full(self._files.folder),
        )

    def _reach(self, point: str) -> None:
        """A fault point: tests name the one at which this process dies as by a power cut."""
        if point == self._crash_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _is_full(folder: Path) -> bool:
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < FULL_BYTES


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except OSError as error:
        # macOS forbids signalling a group of which only zombies are left.
        if error.errno in (errno.ESRCH, errno.EPERM):
            return False
        raise
    return True


def _instant(moment: Instant) -> dict[str, Any]:
    return {"wall": moment.wall, "boot": moment.boot, "boot_id": moment.boot_id}


def _await_folder() -> Path | None:
    """The attempt's folder, once there is one; what this process says from then on goes into its file."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return None  # the launcher is gone, or has no use for a shim
    folder = Path(json.loads(line))
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(AttemptFiles(folder).shim_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, number in ((nothing, 0), (log, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    return folder


def main(arguments: list[str]) -> int:
    """Read the spec, leave the launcher, and be the shim of the attempt in a folder."""
    if arguments == ["--wait"]:
        folder = _await_folder()
        if folder is None:
            return 0
    else:
        folder = Path(arguments[0])
    files = AttemptFiles(folder)
    crash_at = arguments[2] if arguments[1:2] == ["--crash-at"] else ""
    try:
        spec = read_spec(files.spec)
    except (OSError, ValueError) as error:
        print(f"The attempt can't begin: {error}", file=sys.stderr)
        return 1
    if os.fork():
        return 0  # the launcher waits for this process alone, and has no child left to reap
    os.setsid()
    try:
        Shim(files, spec, crash_at).run()
    except OSError as error:
        print(f"The attempt could not go on: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
