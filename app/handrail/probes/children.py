"""Programs that a probe runs: few at a time, each in a group of its own, with limits of time and output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from handrail.probes.exchange import CanNotAsk

MOST_AT_ONCE = 4
LARGEST_OUTPUT_BYTES = 8 * 1024 * 1024
LARGEST_ERRORS_BYTES = 16 * 1024
GRACE_SECONDS = 2.0
_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: a negative `code` is the signal that ended it."""

    code: int
    output: str
    errors: str


class Children:
    """Starts programs and waits for them; `close` ends all that still run."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, argv: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float) -> Ended:
        """Run a program to its end, and end what it leaves in its group.

        Raises `CanNotAsk` where it can't be started, takes longer than `seconds`, or prints without end.
        """
        until = time.monotonic() + seconds
        if not self._turns.acquire(timeout=seconds):
            raise CanNotAsk(f"{MOST_AT_ONCE} other programs of probes have been running for {seconds:g} s")
        try:
            with tempfile.TemporaryFile() as errors:
                child = self._start(argv, environment, folder, errors.fileno())
                try:
                    output = _read(child, until, argv[0], seconds)
                    _await_end(child, until, argv[0], seconds)
                finally:
                    code = self._end(child)
                errors.seek(max(0, errors.seek(0, os.SEEK_END) - LARGEST_ERRORS_BYTES))
                said = errors.read(LARGEST_ERRORS_BYTES)
            return Ended(code, output.decode("utf-8", "replace"), said.decode("utf-8", "replace"))
        finally:
            self._turns.release()

    def _start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path, errors: int
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise CanNotAsk("the sampling is over")
            try:
                child = subprocess.Popen(
                    argv,
                    env=dict(environment),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise CanNotAsk(f"{_name(argv[0])} can't be started: {reason}") from error
            self._running.add(child)
            return child

    def _end(self, child: subprocess.Popen[bytes]) -> int:
        """End the whole group: a program may have left behind what it started. Its exit code."""
        try:
            if not _has_ended(child):
                _signal_group(child, signal.SIGTERM)
                until = time.monotonic() + GRACE_SECONDS
                while not _has_ended(child) and time.monotonic() < until:
                    time.sleep(_PAUSE_SECONDS)
        finally:
            with self._lock:
                _signal_group(child, signal.SIGKILL)
                code = child.wait()
                self._running.discard(child)
            if child.stdout is not None:
                child.stdout.close()
        return code

    def close(self) -> None:
        """End every program at once, and start none any more."""
        with self._lock:
            self._closed = True
            for child in self._running:
                _signal_group(child, signal.SIGKILL)


def _read(child: subprocess.Popen[bytes], until: float, program: str, seconds: float) -> bytes:
    assert child.stdout is not None  # noqa: S101  (a pipe was asked for)
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise CanNotAsk(f"{_name(program)} took longer than {seconds:g} s")
            part = os.read(child.stdout.fileno(), 65_536)
            if not part:
                return bytes(output)
            output += part
            if len(output) > LARGEST_OUTPUT_BYTES:
                raise CanNotAsk(f"{_name(program)} printed more than {LARGEST_OUTPUT_BYTES >> 20} MB")


def _await_end(child: subprocess.Popen[bytes], until: float, program: str, seconds: float) -> None:
    while not _has_ended(child):
        if time.monotonic() > until:
            raise CanNotAsk(f"{_name(program)} took longer than {seconds:g} s")
        time.sleep(_PAUSE_SECONDS)


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended, without taking its exit code: until that is done, nobody gets its number."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return child.poll() is not None
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _name(program: str) -> str:
    return Path(program).name
