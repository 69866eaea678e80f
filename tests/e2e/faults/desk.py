"""An operator at a shell: a bare environment, a state directory of one's own, and the real `handrail`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handrail.attempts.outcome import cancel
from handrail.cli.joining import read_state
from handrail.engine.launch import engine_alive
from handrail.journal.base import Lock
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import AttemptFiles, StateFolder
from handrail.run.state import RunState, StepState
from waiting import wait_for

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Said:
    """What a call answered."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it."""
        return self.out + self.err

    def says(self, *parts: str, code: int | None = None) -> Self:
        """Fail unless every part was said, and the exit code is the one named."""
        for part in parts:
            assert part in self.text, f"{part!r} was not said (code {self.code}):\n{self.text}"
        if code is not None:
            assert self.code == code, f"exit code {self.code} instead of {code}:\n{self.text}"
        return self


class Desk:
    """Where `handrail` is called from; `end` leaves no process behind."""

    def __init__(self, folder: Path, project: Path, state: Path | None = None) -> None:
        self.project = project
        self.state = StateFolder(state or folder / "state")
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": PATH,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "HANDRAIL_STATE": str(self.state.root),
        }
        if "PYTHONPATH" in os.environ:
            self.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]

    def call(self, *words: str, typed: str = "", environment: Mapping[str, str] | None = None) -> Said:
        """Call `handrail` with these words, and these lines on its standard input."""
        done = subprocess.run(
            [sys.executable, "-m", "handrail", *words],
            cwd=self.project,
            env=self.environment | dict(environment or {}),
            input=typed.encode(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(errors="strict"), done.stderr.decode())

    def auto(self, runbook: Path | str, *words: str, environment: Mapping[str, str] | None = None) -> Said:
        """Run a runbook without a person, until it needs one."""
        return self.call("run", str(runbook), "--auto", *words, environment=environment)

    def type(self, *lines: str) -> Said:
        """Come back to the only open run, and type these lines."""
        return self.call("attach", "--plain", typed="".join(f"{line}\n" for line in lines))

    @contextmanager
    def at_screen(self, *words: str) -> Iterator[Screen]:
        """A screen of plain lines that stays open."""
        process = subprocess.Popen(
            [sys.executable, "-m", "handrail", *words],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Screen(process)
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def journal(self) -> Iterator[SqliteJournal]:
        """The journal, to look into."""
        journal = SqliteJournal(self.state.journal, read_only=True)
        try:
            yield journal
        finally:
            journal.close()

    def runs(self) -> list[str]:
        """The ids of all runs, newest first."""
        if not self.state.journal.exists():
            return []
        with self.journal() as journal:
            return [head.run for head in journal.runs()]

    def run(self) -> RunState:
        """The newest run as it stands."""
        with self.journal() as journal:
            return read_state(journal, journal.runs(limit=1)[0].run)

    def step(self, key: str) -> StepState:
        """A step of the newest run."""
        return self.run().steps[key]

    def attempt(self, number: int) -> AttemptFiles:
        """The files of an attempt of the newest run."""
        return self.state.attempt(self.runs()[0], number)

    def locks(self) -> list[Lock]:
        """The targets that are held."""
        with self.journal() as journal:
            return journal.locks()

    def nothing_lost(self) -> None:
        """Fail unless every run's chain of events is whole."""
        with self.journal() as journal:
            for head in journal.runs():
                assert journal.verify(head.run) == []

    def end(self) -> None:
        """Abort what is open, and wait until no engine is left."""
        for run in self.runs():
            with self.journal() as journal:
                state = read_state(journal, run)
            if not state.phase.is_open:
                continue
            for attempt in [a.number for a in state.attempts.values() if a.is_running]:
                cancel(self.state.attempt(run, attempt))
            self.call("attach", run, "--plain", "--take-over", "the test is over", typed="wait\nabort over\n")
        self.end_engines()

    def end_engines(self) -> None:
        """Wait until no engine is left."""
        for run in self.runs():
            wait_for(lambda run=run: not engine_alive(self.state, run), f"the end of the engine of {run}")


class Screen:
    """A plain screen under one's hands."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.seen = ""
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)

    def types(self, line: str) -> None:
        """Type a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def shows(self, text: str, *, seconds: float = 30) -> None:
        """Wait until the screen has said this since the last time."""

        def found() -> bool:
            self._read()
            return text in self.seen

        try:
            wait_for(found, f"{text!r} on the screen", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says:\n{self.seen}") from None
        self.seen = self.seen.partition(text)[2]

    def ends(self, *, seconds: float = 30) -> int:
        """Its exit code, once it has ended."""
        wait_for(lambda: self._process.poll() is not None, "the end of the screen", seconds)
        self._read()
        return int(self._process.returncode)

    def _read(self) -> None:
        assert self._process.stdout is not None
        while chunk := self._process.stdout.read(65536):
            self.seen += chunk.decode(errors="replace")
