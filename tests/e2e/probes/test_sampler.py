"""The sampler's process: it samples at its pace, waits for nobody, and is never there without its engine."""

from __future__ import annotations

import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from handrail.clock import SystemClock
from handrail.engine import sampling as sampling_module
from handrail.engine.sampling import LOG_NAME, ProcessSampler
from handrail.paths import StateFolder
from handrail.probes.base import sample
from handrail.probes.sampling import Sampling
from handrail.probes.scripted import ScriptedProber
from handrail.probes.spec import SamplerSpec
from handrail.processes import ProcessIdentity
from handrail.project.model import Target
from handrail.run.state import RunState
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import Sample, SignalWindow, Tally, merged
from local_server import HANG, page, serving
from waiting import wait_for
from walk import OPERATOR, plan, task

pytestmark = pytest.mark.e2e


def target(probes: list[dict[str, Any]], url: str = "http://127.0.0.1:1", **fields: Any) -> Target:
    monitor = {"every": "1s", "window": "1s", "probes": probes}
    return Target.model_validate({"url": url, "monitor": monitor, **fields})


class Child:
    """A sampler as its engine would start it, with the windows that it has written."""

    def __init__(
        self, spec: Target | bytes, *arguments: str, environment: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "handrail.probes", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        assert self.process.stdin is not None
        line = spec if isinstance(spec, bytes) else SamplerSpec(dumped(spec), 1.0).as_line()
        self.process.stdin.write(line)
        self.process.stdin.flush()
        self.windows: list[SignalWindow] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.windows.append(SignalWindow.model_validate_json(line))

    def tally(self, signal: str) -> Tally:
        return merged(window.tallies[signal] for window in list(self.windows) if signal in window.tallies)

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(20)
        self._reading.join(20)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        self._reading.join(20)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def dumped(of: Target) -> dict[str, Any]:
    return of.model_dump(mode="json", by_alias=True)


@pytest.fixture
def begin() -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def start(*arguments: Any, **fields: Any) -> Child:
        children.append(Child(*arguments, **fields))
        return children[-1]

    yield start
    for child in children:
        child.close()


def test_it_samples_until_its_engine_lets_go(begin: Callable[..., Child]) -> None:
    with serving(page()) as server:
        child = begin(target([{"name": "page", "http": {}}, {"name": "machine", "host": {}}], server.address))
        wait_for(lambda: child.tally("page").n >= 3, "three looks at the page")
        assert child.tally("page").bad == 0
        assert child.tally("disk free").n >= 2
        assert child.end() == 0
    starts = [window.start.boot for window in child.windows]
    assert {round(later - earlier, 3) for earlier, later in itertools.pairwise(starts)} == {1.0}


@pytest.mark.parametrize(
    "spec", [b"\n", b"{}\n", b"[]\n", b'{"format": 1, "target": {"x": 1}, "window_seconds": 1}\n']
)
def test_a_wrong_spec_is_refused_with_a_word(begin: Callable[..., Child], spec: bytes) -> None:
    child = begin(spec)
    assert child.process.wait(20) == 2
    assert child.process.stderr is not None
    assert b"spec can't be used" in child.process.stderr.read()


def test_what_hangs_delays_nothing_else(begin: Callable[..., Child]) -> None:
    def answers(path: str) -> object:
        return HANG if path == "/hangs" else page()

    with serving(answers) as server:
        probes = [
            {"name": "hangs", "http": {"path": "/hangs"}, "timeout": "2s"},
            {"name": "page", "http": {}},
            {"name": "also hangs", "http": {"path": "/hangs"}, "timeout": "2s"},
            {"name": "machine", "host": {}},
        ]
        child = begin(target(probes, server.address))
        wait_for(lambda: child.tally("hangs").bad >= 2, "the page that hangs to be bad")
        seconds = len(child.windows)
        assert 2 * child.tally("page").n >= seconds
        # Were they to wait for it, two of three looks would be missing.
        assert 2 * child.tally("host memory").n >= seconds
        assert child.tally("page").bad == 0
        assert "no answer within 2 s" in child.tally("hangs").why
        assert child.end() == 0


def test_a_program_that_hangs_is_ended_with_all_that_it_started(
    begin: Callable[..., Child], tmp_path: Path
) -> None:
    program = tmp_path / "pm2"
    program.write_text(
        f"#!/bin/sh\nsleep 600 &\necho $! >> {tmp_path}/pids\necho $$ >> {tmp_path}/pids\nwait\n"
    )
    program.chmod(0o700)
    probes = [{"name": "processes", "pm2": {}, "timeout": "1s"}, {"name": "machine", "host": {}}]
    child = begin(target(probes, pm2={"program": [str(program)]}))
    wait_for(lambda: child.tally("processes").unknown >= 1, "pm2 to be unknown")
    assert "took longer than 1 s" in child.tally("processes").why
    assert child.tally("host memory").n >= 1
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    wait_for(lambda: not any(map(psutil.pid_exists, pids[:2])), "the first look's processes to be gone")
    wait_for(lambda: len((tmp_path / "pids").read_text().split()) > len(pids), "another look at pm2")
    assert child.end() == 0
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    wait_for(lambda: not any(map(psutil.pid_exists, pids)), "every process of pm2 to be gone")


def test_nobody_reads_and_it_neither_waits_nor_forgets(begin: Callable[..., Child]) -> None:
    # A pipe holds 64 KiB: what the reader didn't take comes later, in order.
    read, write = os.pipe()
    spec = SamplerSpec(dumped(target([{"name": "machine", "host": {}}])), 0.1).as_line()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "handrail.probes"], stdin=subprocess.PIPE, stdout=write
    )
    os.close(write)
    assert process.stdin is not None
    process.stdin.write(spec)
    process.stdin.flush()
    try:
        os.set_blocking(read, True)
        first = os.read(read, 1)
        assert first == b"{"
    finally:
        os.close(read)
        # Standard output is broken: it ends by itself.
        assert process.wait(20) == 0
        process.stdin.close()


def test_killed_without_a_word_its_engine_is_noticed(tmp_path: Path) -> None:
    """The engine's part is played by a process that starts a sampler and is killed."""
    script = tmp_path / "parent.py"
    spec = SamplerSpec(dumped(target([{"name": "machine", "host": {}}])), 1.0).as_line()
    script.write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'handrail.probes'], stdin=subprocess.PIPE,"
        " stdout=subprocess.PIPE, start_new_session=True)\n"
        f"child.stdin.write({spec!r}); child.stdin.flush()\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        sampler = ProcessIdentity.of(int(parent.stdout.readline()))
        assert sampler is not None
        parent.send_signal(signal.SIGKILL)
        parent.wait(20)
        wait_for(lambda: not sampler.is_alive(), "the sampler to end")
    finally:
        parent.kill()
        parent.wait(20)
        parent.stdout.close()


def test_secrets_and_control_characters_do_not_leave_it(begin: Callable[..., Child], tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    database = {"url": {"env": "SHOP_DATABASE"}}
    probes = [{"name": "error lines", "log": {"paths": [str(log)]}}]
    child = begin(
        target(probes, database=database),
        environment={"SHOP_DATABASE": "postgresql://shop:hunter2secret@127.0.0.1:1/shop"},
    )
    wait_for(lambda: child.tally("error lines").n >= 1, "a look at the log")
    with log.open("a") as file:
        file.write("error: \x1b[2J password hunter2secret\x07\n")
    wait_for(lambda: child.tally("error lines").bad >= 1, "the error to be counted")
    assert child.tally("error lines").why == "error: ␛[2J password ••••••␇"
    assert child.end() == 0


# The threads, without a process around them.

LEVEL = Signal(name="level", kind=SignalKind.LEVEL)


class Hanging:
    """A prober whose first look hangs until the test lets it go."""

    def __init__(self, name: str, timeout: float = 0.5) -> None:
        self.name = name
        self.signals = (Signal(name=name, kind=SignalKind.OUTCOMES),)
        self.timeout = timeout
        self.dated_at_start = False
        self.gate = threading.Event()

    def look(self) -> list[Sample]:
        self.gate.wait(60)
        return [sample(self.signals[0], SystemClock().now(), 0.0)]

    def close(self) -> None:
        self.gate.set()


def collected(sampling: Sampling, windows: list[SignalWindow]) -> list[SignalWindow]:
    windows += sampling.completed()
    return windows


def test_of_fifty_probers_twenty_hang_and_thirty_go_on() -> None:
    clock = SystemClock()
    hanging = [Hanging(f"hangs {number}") for number in range(20)]
    others = [
        ScriptedProber(f"level {number}", (LEVEL.model_copy(update={"name": f"level {number}"}),), clock)
        for number in range(30)
    ]
    threads = threading.active_count()
    sampling = Sampling([*hanging, *others], [0.5] * 50, 1.0, clock, lambda line: None)
    sampling.start()
    windows: list[SignalWindow] = []
    try:
        wait_for(lambda: all(prober.looked >= 4 for prober in others), "four looks by all that don't hang")
        wait_for(
            lambda: any(
                t.unknown and name == "hangs 3"
                for w in collected(sampling, windows)
                for name, t in w.tallies.items()
            ),
            "what hangs to be unknown",
        )
        assert threading.active_count() - threads <= 52
        known = [name for w in windows for name, t in w.tallies.items() if t.n and name.startswith("hangs")]
        assert known == []
    finally:
        sampling.stop()
    wait_for(lambda: threading.active_count() <= threads, "every thread to end")


def test_a_prober_that_crashes_is_unknown_and_is_told_of() -> None:
    clock = SystemClock()
    said: queue.Queue[str] = queue.Queue()
    crashing = ScriptedProber("crashes", (LEVEL,), clock, crash=ZeroDivisionError("division by zero"))
    sampling = Sampling([crashing], [0.25], 0.25, clock, said.put)
    sampling.start()
    windows: list[SignalWindow] = []
    try:
        wait_for(lambda: any(w.tallies for w in collected(sampling, windows)), "a window with a sample")
    finally:
        sampling.stop()
    tally = next(w.tallies["level"] for w in windows if w.tallies)
    assert (tally.n, tally.why) == (0, "the probe failed: ZeroDivisionError: division by zero")
    assert "crashes" in said.get(timeout=5)
    assert crashing.closed


# The engine's side.


class Engine:
    """As much of an engine as a sampler sees."""

    def __init__(self, root: Path, of: Target) -> None:
        self.folder = StateFolder(root).create()
        opened = plan(task("a"), target=of)
        self.state = RunState(run="run-1", plan=opened, operator=OPERATOR, opened=SystemClock().now())
        self.sampler = ProcessSampler(self.folder, SystemClock())
        self.windows: list[SignalWindow] = []

    def collect(self) -> list[SignalWindow]:
        self.windows += self.sampler.collect(self.state)
        return self.windows

    def process(self) -> psutil.Process | None:
        for child in psutil.Process().children():
            # A child that has ended and that nobody waited for has no command line.
            with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                if "handrail.probes" in " ".join(child.cmdline()):
                    return child
        return None


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "state", target([{"name": "machine", "host": {}}]))
    yield engine
    engine.sampler.stop()


def test_the_engine_gets_windows_and_ends_the_sampler(engine: Engine) -> None:
    wait_for(lambda: len(engine.collect()) >= 2, "two windows")
    process = engine.process()
    assert process is not None
    assert "host memory" in engine.windows[-1].tallies
    engine.sampler.stop()
    assert not process.is_running()
    assert (engine.folder.run("run-1") / LOG_NAME).exists()


def test_a_killed_sampler_is_begun_anew_and_the_gap_is_seen(engine: Engine) -> None:
    wait_for(engine.collect, "a window")
    process = engine.process()
    assert process is not None
    process.send_signal(signal.SIGKILL)
    wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "its end")
    before = len(engine.collect())
    wait_for(lambda: len(engine.collect()) >= before + 2, "windows of another sampler")
    other = engine.process()
    assert other is not None
    assert other.pid != process.pid
    starts = [window.start.boot for window in engine.windows]
    assert starts == sorted(starts)
    assert max(later - earlier for earlier, later in itertools.pairwise(starts)) > 1.5


def test_a_sampler_that_can_not_begin_is_tried_ever_more_slowly(engine: Engine, monkeypatch) -> None:
    clock = SystemClock()
    begun: list[float] = []
    real = subprocess.Popen

    def failing(argv: list[str], **fields: Any):
        begun.append(clock.now().boot)
        return real([sys.executable, "-c", "raise SystemExit(3)"], **fields)

    monkeypatch.setattr(subprocess, "Popen", failing)
    wait_for(lambda: engine.collect() or len(begun) >= 3, "three tries")
    assert engine.windows == []
    first, second = begun[1] - begun[0], begun[2] - begun[1]
    assert first >= 1
    assert second >= 2


def test_what_is_no_window_ends_that_sampler(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda argv, **fields: real([sys.executable, "-c", "print('{}'); input(); input()"], **fields),
    )
    wait_for(lambda: engine.collect() or engine.sampler._falls, "the sampler to be let go")
    assert engine.windows == []


def test_a_stopped_engine_process_leaves_windows_in_the_pipe_and_loses_none(engine: Engine) -> None:
    wait_for(engine.collect, "a window")
    until = time.monotonic() + 3
    wait_for(lambda: time.monotonic() > until, "a while in which nobody collects")
    wait_for(lambda: len(engine.collect()) >= 4, "the windows of that while")
    starts = [window.start.boot for window in engine.windows]
    assert all(later - earlier < 1.01 for earlier, later in itertools.pairwise(starts))


def test_a_sampler_that_falls_silent_is_begun_anew(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does whose every thread waits for a pattern that never comes back."""
    monkeypatch.setattr(sampling_module, "SILENCE", timedelta(seconds=1))
    wait_for(engine.collect, "a window")
    process = engine.process()
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: engine.collect() and not process.is_running(), "the silent sampler to be ended")
    monkeypatch.undo()  # the next one may take longer than that to begin
    before = len(engine.windows)
    wait_for(lambda: len(engine.collect()) > before, "a window of another sampler")
