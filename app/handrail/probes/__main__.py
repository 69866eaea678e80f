"""`python -m handrail.probes [--spec FILE]`: the sampler's own process; its engine reads its windows.

The spec comes from the file, or is the first line on standard input. Each complete window is one JSON line on
standard output. It ends by itself when its standard input ends, for then its engine is gone, or when nobody
reads what it writes. It never waits for its reader: of windows that nobody takes, the oldest are dropped.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import threading
import time
from collections import deque
from pathlib import Path

from handrail.clock import SystemClock
from handrail.probes.making import Maker
from handrail.probes.sampling import Sampling
from handrail.probes.spec import LARGEST_SPEC_BYTES, SamplerSpec, read_spec
from handrail.project.model import Target
from handrail.project.secret import secrets_of
from handrail.project.signals import probes_of
from handrail.signals.window import SignalWindow
from handrail.text import clean_line, mask

SPEC_PATIENCE_SECONDS = 30.0
LOOK_ROUND_SECONDS = 0.5
MOST_WAITING_LINES = 720
WRONG_SPEC = 2
_STDIN, _STDOUT = 0, 1


def main() -> int:
    """Sample until the engine is gone. Returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="handrail.probes")
    parser.add_argument(
        "--spec", type=Path, help="a file with the spec; else it is standard input's first line"
    )
    arguments = parser.parse_args()
    # The engine ends this process by closing its input; a terminal's signals are not for it.
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    try:
        spec = read_spec(arguments.spec.read_bytes() if arguments.spec else _first_line())
        target = Target.model_validate(spec.target)
    except (OSError, ValueError) as error:
        _tell(f"the sampler's spec can't be used: {error}")
        return WRONG_SPEC
    return sample(spec, target, stopping)


def sample(spec: SamplerSpec, target: Target, stopping: threading.Event) -> int:
    """Sample `target` until `stopping`, or standard input ends, or standard output breaks."""
    clock = SystemClock()
    probes = probes_of(target)
    maker = Maker(target, clock, os.environ, tasks_file=spec.tasks_file)
    paces = [(probe.every or target.monitor.every).total_seconds() for probe in probes]
    sampling = Sampling(maker.probers(probes), paces, spec.window_seconds, clock, _tell)
    secrets = secrets_of(target)
    output = _Output()
    os.set_blocking(_STDIN, False)
    sampling.start()
    try:
        while not stopping.is_set() and not _ended(min(LOOK_ROUND_SECONDS, sampling.pause()), output):
            for window in sampling.completed():
                output.add(line_of(window, secrets))
            if not output.write():
                break
    finally:
        sampling.stop()
        maker.close()
    return 0


def line_of(window: SignalWindow, secrets: tuple[str, ...]) -> bytes:
    """A window as one JSON line; what it says in words is fit for a terminal, and holds no secret."""
    tallies = {
        name: tally.model_copy(update={"why": mask(clean_line(tally.why), secrets)}) if tally.why else tally
        for name, tally in window.tallies.items()
    }
    return window.model_copy(update={"tallies": tallies}).model_dump_json().encode() + b"\n"


class _Output:
    """Lines for a reader that may be slow, and is never waited for."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._begun = b""
        os.set_blocking(_STDOUT, False)

    def add(self, line: bytes) -> None:
        if len(self._lines) >= MOST_WAITING_LINES:
            self._lines.popleft()
            _tell("nobody takes the windows: the oldest is dropped")
        self._lines.append(line)

    @property
    def waits(self) -> bool:
        return bool(self._begun or self._lines)

    def write(self) -> bool:
        """Write what the reader takes now; False where there is no reader any more."""
        while self.waits:
            if not self._begun:
                self._begun = self._lines.popleft()
            try:
                written = os.write(_STDOUT, self._begun)
            except BlockingIOError:
                return True
            except OSError:
                return False
            self._begun = self._begun[written:]
        return True


def _ended(seconds: float, output: _Output) -> bool:
    """Wait a while, or until there is something to do; whether standard input has ended meanwhile."""
    try:
        readable, _, _ = select.select([_STDIN], [_STDOUT] if output.waits else [], [], seconds)
        return bool(readable) and not os.read(_STDIN, 4096)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _first_line() -> bytes:
    """Standard input up to its first line break. Raises `ValueError` where none comes."""
    until = time.monotonic() + SPEC_PATIENCE_SECONDS
    line = bytearray()
    while b"\n" not in line:
        readable, _, _ = select.select([_STDIN], [], [], max(0.0, until - time.monotonic()))
        part = os.read(_STDIN, 65_536) if readable else b""
        if not part or len(line) > LARGEST_SPEC_BYTES:
            raise ValueError("no whole line of JSON came on standard input")
        line += part
    return bytes(line.partition(b"\n")[0])


def _tell(line: str) -> None:
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        os.write(2, f"{moment} {clean_line(line)}\n".encode())
    except OSError:
        return  # the log's disk is full: sampling goes on


if __name__ == "__main__":
    code = main()
    # A look that hangs keeps its thread, and would keep the process.
    os._exit(code)
