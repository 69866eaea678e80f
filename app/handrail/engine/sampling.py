"""The sampler as a process of its own, so that a probe can neither slow nor crash the engine."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import IO

from handrail.clock import Clock, Instant
from handrail.engine.processes import environment_of
from handrail.engine.promises import frozen_tasks_file
from handrail.errors import HandrailError
from handrail.paths import StateFolder
from handrail.probes.spec import SamplerSpec
from handrail.run.state import RunState
from handrail.signals.window import SignalWindow

_LOG = logging.getLogger(__name__)
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
SILENCE = timedelta(seconds=45)
"""Beyond a window's length: the slowest page may take thirty seconds. A sampler that says nothing for longer
hangs as a whole, such as in a pattern without end, and is begun anew."""
AWAY = timedelta(seconds=5)
END_PATIENCE_SECONDS = 2.0
LOG_NAME = "sampler.log"
LARGEST_LOG_BYTES = 1024 * 1024
LARGEST_LINE_BYTES = 4 * 1024 * 1024
_READ_BYTES = 256 * 1024


class NoSampler:
    """Samples nothing: for a run that watches nothing, and for tests of all else."""

    def collect(self, state: RunState) -> tuple[SignalWindow, ...]:
        """Never any window."""
        return ()

    def stop(self) -> None:
        """There is nothing to end."""


class ScriptedSampler:
    """Gives the windows that are written down for it, each once its end has come; for tests and drills."""

    def __init__(self, clock: Clock, windows: Iterable[SignalWindow] = ()) -> None:
        self._clock = clock
        self.windows = list(windows)
        self.stopped = False

    def collect(self, state: RunState) -> tuple[SignalWindow, ...]:
        """The windows whose end has come since the last call."""
        now = self._clock.now()
        self.stopped = False
        done = [window for window in self.windows if now.since(window.end) >= timedelta()]
        self.windows = [window for window in self.windows if window not in done]
        return tuple(done)

    def stop(self) -> None:
        """What is still written down is left for a later `collect`."""
        self.stopped = True


class ProcessSampler:
    """Runs `python -m handrail.probes`, and begins it anew, after ever longer pauses, where it dies.

    Its standard error goes to `sampler.log` in the run's folder. It ends by itself when this process does.
    """

    def __init__(self, folder: StateFolder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._child: subprocess.Popen[bytes] | None = None
        self._unsent = b""
        self._unread = b""
        self._heard: Instant | None = None
        self._asked: Instant | None = None
        self._falls = 0
        self._not_before: Instant | None = None

    def collect(self, state: RunState) -> tuple[SignalWindow, ...]:
        """Read what the sampler has written; see that one runs."""
        now = self._clock.now()
        if self._asked is not None and now.since(self._asked) > AWAY:
            # Nobody listened meanwhile: the machine slept, or the engine did something else.
            self._heard = now
        self._asked = now
        try:
            if self._child is None:
                self._start(state, now)
                return ()
            self._send(self._child)
            windows = self._read(self._child)
        except (HandrailError, OSError, ValueError) as error:
            _LOG.warning("the sampler of run %s: %s", state.run, error)
            self._fell(now)
            return ()
        if windows:
            self._heard, self._falls = now, 0
        elif self._child.poll() is not None:
            _LOG.warning("the sampler of run %s ended with code %s", state.run, self._child.returncode)
            self._fell(now)
        elif self._heard is not None and now.since(self._heard) > SILENCE + state.plan.target.monitor.window:
            _LOG.warning("the sampler of run %s has said nothing for %s", state.run, now.since(self._heard))
            self._fell(now)
        return windows

    def _start(self, state: RunState, now: Instant) -> None:
        if self._not_before is not None and now.since(self._not_before) < timedelta():
            return
        target = state.plan.target
        spec = SamplerSpec(
            run=state.run,
            target=target.model_dump(mode="json", by_alias=True),
            window_seconds=target.monitor.window.total_seconds(),
            tasks_file=frozen_tasks_file(state, self._folder),
        )
        with contextlib.closing(self._log(state)) as log:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "handrail.probes"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment_of(state)},
                cwd=self._folder.root,
                start_new_session=True,
            )
        self._unsent, self._unread, self._heard = spec.as_line(), b"", now
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None  # noqa: S101  (pipes were asked for)
            os.set_blocking(pipe.fileno(), False)
        self._send(self._child)

    def _log(self, state: RunState) -> IO[bytes]:
        path = self._folder.run(state.run) / LOG_NAME
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A sampler that falls for hours must not fill the disk that the journal needs.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > LARGEST_LOG_BYTES:
                path.unlink()
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")

    def _send(self, child: subprocess.Popen[bytes]) -> None:
        """Hand over what the sampler takes of its spec now; its pipe may be smaller than that."""
        assert child.stdin is not None  # noqa: S101  (a pipe was asked for)
        while self._unsent:
            try:
                written = os.write(child.stdin.fileno(), self._unsent)
            except BlockingIOError:
                return
            self._unsent = self._unsent[written:]

    def _read(self, child: subprocess.Popen[bytes]) -> tuple[SignalWindow, ...]:
        assert child.stdout is not None  # noqa: S101  (a pipe was asked for)
        parts = [self._unread]
        # Once, and not until it is empty: an engine's turn is short, and the next one comes at once.
        with contextlib.suppress(BlockingIOError):
            parts.append(os.read(child.stdout.fileno(), _READ_BYTES))
        *lines, self._unread = b"".join(parts).split(b"\n")
        if len(self._unread) > LARGEST_LINE_BYTES:
            raise ValueError("a line of the sampler is too long")
        return tuple(_window(line) for line in lines if line)

    def _fell(self, now: Instant) -> None:
        """End what is left of the sampler, and let it rest before it is begun anew."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._falls, 10))
        self._falls += 1
        self._not_before = now.plus(pause)
        self._end(patience=0.0)

    def stop(self) -> None:
        """Close the sampler's input, at which it ends itself and its programs; kill it where it doesn't."""
        self._end(patience=END_PATIENCE_SECONDS)
        self._falls, self._not_before = 0, None

    def _end(self, patience: float) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
        # It leads a group of its own, and was not waited for before unless it has ended.
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _window(line: bytes) -> SignalWindow:
    try:
        return SignalWindow.model_validate_json(line)
    except ValueError as error:
        shown = json.dumps(line[:80].decode(errors="replace"))
        raise ValueError(f"what the sampler wrote is no window: {shown}") from error
