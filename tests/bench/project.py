"""A small project in a temporary folder, and the real program called in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.pseudo_terminal import PseudoTerminal
from handrail.engine.launch import engine_alive
from handrail.paths import StateFolder

TASKS = '''
import os, time
from pathlib import Path
from invoke import task

WORDS = b"\\x1b[32minfo\\x1b[0m %04d \\x1b[36mcompiled\\x1b[0m src/components/some-widget-or-other.tsx"
LINES = b"".join((WORDS % n).ljust(99, b".") + b"\\n" for n in range(1000))

@task
def began(c, mark):
    """Say when the first instruction was reached."""
    Path(mark).write_text(repr(time.time()))

@task
def flood(c, lines_a_second, seconds, stop):
    """Write lines at a rate, for a bounded time, until a file is there."""
    between = 1000 / int(lines_a_second)
    begun = time.monotonic()
    written = 0
    while time.monotonic() - begun < float(seconds) and not Path(stop).exists():
        due = int((time.monotonic() - begun) / between)
        while written < due:
            os.write(1, LINES)
            written += 1
        time.sleep(0.002)

@task
def burst(c, lines, go):
    """Write lines as fast as they can be written, once a file is there."""
    print("ready", flush=True)
    while not Path(go).exists():
        time.sleep(0.001)
    for _ in range(int(lines) // 1000):
        os.write(1, LINES)

@task
def fail(c):
    """Fail, so that a countdown begins."""
    raise SystemExit(1)
'''


class Project:
    """A target, tasks and runbooks; `close` ends every run and engine of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir(parents=True)
        (folder / "checkout").mkdir()
        self.state = StateFolder(folder / "state")
        (folder / "handrail.toml").write_text('tasks = "tasks.py"\n[targets.bench]\ncheckout = "checkout"\n')
        (folder / "tasks.py").write_text(TASKS)
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "HANDRAIL_STATE": str(self.state.root),
        }

    def command(self, *words: str) -> list[str]:
        """A call of the program."""
        return [sys.executable, "-m", "handrail", *words]

    def call(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Call the program, by lines."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def open(self, name: str, steps: list[Mapping[str, object]]) -> str:
        """Open a run of these steps (title, and the fields of its block), and return its id."""
        text = f"# {name.capitalize()}\n\n## Steps\n"
        for step in steps:
            fields = {key: value for key, value in step.items() if key != "title"}
            text += f"### {step['title']}\n```yaml step\n"
            text += "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items()) + "```\n"
        path = self.folder / f"{name}.md"
        path.write_text(text)
        done = self.call("run", str(path), "--plain")
        rows = json.loads(self.call("runs", "--json", "--open").stdout or "[]")
        if not rows:
            raise AssertionError(f"no run was opened: {done.stdout}{done.stderr}")
        return str(rows[0]["run"])

    def screen(self, run: str, *, size: tuple[int, int] = (80, 24), answers: bool = True) -> PseudoTerminal:
        """The run's screen, which drives it."""
        return PseudoTerminal(
            self.command("attach", run),
            environment=self.environment,
            folder=self.folder,
            size=size,
            answers=answers,
        )

    def end(self, run: str) -> None:
        """End a run that is open, and wait until its engine is gone; its logs are not needed any more."""
        why = "the measurement is over"
        self.call("cancel", run)
        until = time.monotonic() + 30
        while engine_alive(self.state, run) and time.monotonic() < until:
            self.call("abort", run, "--reason", why, "--take-over", why)
            time.sleep(0.2)
        for log in (self.state.run(run) / "attempts").glob("*/log"):
            os.truncate(log, 0)

    def log(self, run: str, attempt: int = 1) -> Path:
        """An attempt's log."""
        return self.state.attempt(run, attempt).log

    def close(self) -> None:
        """End what is open."""
        if self.state.journal.exists():
            for row in json.loads(self.call("runs", "--json", "--open").stdout or "[]"):
                self.end(str(row["run"]))


def program(process: subprocess.Popen[bytes]) -> psutil.Process:
    """The process whose memory and time count."""
    return psutil.Process(process.pid)


def used_by(process: psutil.Process) -> float:
    """Seconds of a processor that a process has used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)
