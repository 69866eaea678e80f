"""The measurements (a) to (f), each with its peer right beside it."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.figures import Figure, Results, median
from bench.keys import slow_links, under_flood
from bench.project import Project, program, used_by
from bench.pseudo_terminal import PseudoTerminal
from bench.size import LEFT_TO_DO, PAINTED, Size
from bench.tmux_pane import NoTmux, TmuxPanes
from handrail.clock import SystemClock
from handrail.journal.sqlite import SqliteJournal


def start(project: Project, results: Results, size: Size) -> None:
    """(a) From the start to the first full paint and to the first key taken."""
    run = project.open("start", [{"title": "Wait", "task": "began", "with": {"mark": "unused"}}])
    bare = [sys.executable, "-m", "bench.bare_app"]
    environment = project.environment | {"PYTHONPATH": str(Path(__file__).parents[1])}
    seen: dict[str, list[float]] = {}

    def once(name: str, command: Sequence[str], painted: str, key: bytes, taken: str) -> None:
        with PseudoTerminal(command, environment=environment, folder=project.folder) as terminal:
            seen.setdefault(f"{name} painted", []).append(terminal.see(painted) - terminal.started)
            terminal.write(key)
            seen.setdefault(f"{name} key", []).append(terminal.see(taken) - terminal.started)

    for number in range(size.starts + 1):
        once("bare", bare, "bare and painted", b"x", "key was taken")
        once("watch", project.command("watch", run), PAINTED, b"?", "Keys of this screen")
        if shutil.which("ansible"):
            begun = time.perf_counter()
            subprocess.run(["ansible", "--version"], capture_output=True, check=False)
            seen.setdefault("ansible", []).append(time.perf_counter() - begun)
        if number == 0:
            seen.clear()  # the first start compiles what the others load
    project.end(run)
    middle = {name: median(values) * 1000 for name, values in seen.items()}
    for what, name in (("first full paint", "painted"), ("first key taken", "key")):
        results.figures.append(
            Figure(
                *("a", f"start to {what}", middle[f"watch {name}"], "ms"),
                peer="bare Textual app", peer_value=middle[f"bare {name}"], at_most=1.5, judges_ratio=True,
            )
        )  # fmt: skip
    if "ansible" in middle:
        what = "start to first full paint"
        results.figures.append(
            Figure("a", what, middle["watch painted"], "ms", "ansible --version", middle["ansible"])
        )
    else:
        results.skipped.append("(a) `ansible --version`: ansible is not installed")


def follow_lines(project: Project, results: Results, size: Size) -> None:
    """(b) A log that is written as fast as it can be, in the live view and by `cat` in a tmux pane."""
    for lines in size.lines:
        # Short ones hang on where in the view's beat they begin: the middle of several counts.
        ours, theirs, grown = [], [], []
        for number in range(size.bursts if lines <= 200_000 else 1):
            shown, growth, in_tmux = _burst(project, results, lines, number)
            ours.append(shown)
            grown.append(growth)
            if in_tmux is not None:
                theirs.append(in_tmux)
        results.figures.append(
            Figure(
                *("b", f"{lines:,} lines, lines a second", lines / median(ours), "/s"),
                peer="cat in a tmux pane", peer_value=lines / median(theirs) if theirs else None,
                at_least=10, judges_ratio=True,
            )
        )  # fmt: skip
        results.figures.append(Figure("b", f"{lines:,} lines, memory growth", max(grown), "MB", at_most=10))


def _burst(project: Project, results: Results, lines: int, number: int) -> tuple[float, float, float | None]:
    """Seconds until all lines are counted on the screen, its growth in MB, and the peer's seconds."""
    go = project.folder / f"go-{lines}-{number}"
    burst = {"title": "Burst", "task": "burst", "with": {"lines": lines, "go": str(go)}}
    run = project.open("burst", [burst, LEFT_TO_DO])
    try:
        with project.screen(run) as terminal:
            terminal.see(PAINTED)
            terminal.write(b"\r")
            terminal.see("1 line, following")
            # A little more each time, so that the bursts begin all over the view's beat.
            time.sleep(1 + 0.037 * number)
            process = program(terminal.process)
            before, mark = process.memory_info().rss, terminal.mark()
            begun = time.perf_counter()
            go.touch()
            shown = terminal.see(f"{lines + 1:,} lines, following", mark, 60) - begun
            time.sleep(1)
            growth = (process.memory_info().rss - before) / 1e6
        return shown, growth, _cat_in_tmux(project, project.log(run), results)
    finally:
        project.end(run)


def _cat_in_tmux(project: Project, log: Path, results: Results) -> float | None:
    start, done = project.folder / "cat-start", project.folder / "cat-done"
    for each in (start, done):
        each.unlink(missing_ok=True)
    line = f"while ! test -e {start}; do sleep 0.01; done; cat {log}; touch {done}; exec sleep 60"
    try:
        with TmuxPanes(project, shlex.join(["sh", "-c", line])) as panes:
            time.sleep(1)
            begun = time.perf_counter()
            start.touch()
            while not done.exists():
                if time.perf_counter() - begun > 60 or panes.terminal.ended:
                    results.skipped.append("(b) `cat` in a tmux pane did not end within a minute")
                    return None
                time.sleep(0.002)
            return time.perf_counter() - begun
    except NoTmux as why:
        results.skipped.append(f"(b) `cat` in a tmux pane: {why}")
        return None


def at_rest(project: Project, results: Results, size: Size) -> None:
    """(c) Bytes and processor time while a countdown ticks and nothing else happens."""
    run = project.open("rest", [{"title": "Fail", "task": "fail", "on_failure": "immediate"}])
    try:
        with project.screen(run) as terminal:
            terminal.see(PAINTED)
            terminal.write(b"\r")
            terminal.see("Roll back|roll back")
            time.sleep(3)
            process = program(terminal.process)
            before, used = terminal.mark(), used_by(process)
            time.sleep(size.rest_seconds)
            written = (terminal.mark() - before) / size.rest_seconds
            used = (used_by(process) - used) / size.rest_seconds
    finally:
        project.end(run)
    results.figures += [
        Figure("c", "at rest with a countdown, to the terminal", written, "B/s", at_most=400),
        Figure("c", "at rest with a countdown, processor", used * 100, "%", at_most=1),
    ]


def first_instruction(project: Project, results: Results, size: Size) -> None:
    """(d) From the operator's key to the task's first instruction, beside bare `inv`."""
    marks = [project.folder / f"mark-{number}" for number in range(size.steps + 1)]
    steps = [
        {"title": f"Begin {n}", "task": "began", "with": {"mark": str(mark)}} for n, mark in enumerate(marks)
    ]
    run = project.open("began", steps)
    ours, theirs = [], []
    bare = project.folder / "bare-mark"
    try:
        with project.screen(run) as terminal:
            terminal.see(PAINTED)
            for number, mark in enumerate(marks):
                seen = terminal.mark()
                begun = time.time()
                terminal.write(b"\r")
                ours.append(_marked(mark) - begun)
                if number < size.steps:
                    terminal.see(rf"Next: Begin {number + 1}\b", seen)
                # The engine brings up the next shim meanwhile: not at the peer's expense.
                time.sleep(0.5)
                bare.unlink(missing_ok=True)
                begun = time.time()
                subprocess.run(
                    ["inv", "began", "--mark", str(bare)],
                    cwd=project.folder, env=project.environment, check=True,
                )  # fmt: skip
                theirs.append(_marked(bare) - begun)
    finally:
        project.end(run)
    results.figures.append(
        Figure(
            *("d", "key to the task's first instruction", median(ours[1:] or ours) * 1000, "ms"),
            peer="inv", peer_value=median(theirs[1:] or theirs) * 1000, at_most=1.5, judges_ratio=True,
        )
    )  # fmt: skip


def _marked(mark: Path) -> float:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if mark.exists() and (text := mark.read_text()):
            return float(text)
        time.sleep(0.002)
    raise AssertionError(f"the task never wrote {mark.name}")


def journal(project: Project, results: Results, size: Size) -> None:
    """(e) Events a second, one transaction each, beside single rows in the same SQLite."""
    clock = SystemClock()
    where = project.folder / "journal"
    where.mkdir()
    ours = SqliteJournal(where / "journal.db")
    try:
        opened = {"type": "run_opened"}
        ours.open_run("run-1", "target", {"user": "bench"}, "bench", [opened], clock.now())
        epoch = ours.claim_epoch("run-1", clock.now(), {"pid": 1})
        seq = ours.last_seq("run-1")
        begun = time.perf_counter()
        for number in range(size.events):
            body = {"type": "note_added", "text": f"event {number} of those that are counted"}
            ours.append("run-1", epoch, seq + number, [body], clock.now())
        taken = time.perf_counter() - begun
    finally:
        ours.close()
    bare = sqlite3.connect(where / "bare.db", isolation_level=None)
    try:
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT)")
        begun = time.perf_counter()
        for number in range(size.events):
            bare.execute("INSERT INTO event VALUES (?, ?)", (number, "event of those that are counted"))
        plain = time.perf_counter() - begun
    finally:
        bare.close()
    results.figures.append(
        Figure("e", "journal events", size.events / taken, "/s", "bare SQLite rows", size.events / plain)
    )


MEASURES: tuple[tuple[str, Callable[[Project, Results, Size], None]], ...] = (
    ("a", start),
    ("b", follow_lines),
    ("c", under_flood),
    ("r", at_rest),
    ("d", first_instruction),
    ("e", journal),
    ("f", slow_links),
)
