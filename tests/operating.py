"""An operator at a terminal: opens runs, presses keys, reads the screen, loses the connection."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import psutil

from handrail.journal.base import RunHead
from handrail.journal.session import RunFollower
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.processes import ProcessIdentity
from handrail.run.state import RunState, StepStatus
from handrail.runbook.model import StepKind
from sandbox_fixture import Shop
from terminal import Terminal, bare_environment, kill
from waiting import wait_for

STEP_SECONDS = 90.0


class Desk:
    """One operator, with a state directory of their own and as many terminals as they open."""

    def __init__(self, shop: Shop, folder: Path, size: tuple[int, int] = (80, 24)) -> None:
        self.shop = shop
        self.folder = folder
        self.size = size
        self.state_folder = StateFolder(folder / "state")
        (folder / "home").mkdir()
        self.environment = bare_environment(
            folder / "home", HANDRAIL_STATE=str(self.state_folder.root), TEXTUAL_ANIMATIONS="none"
        )
        self._terminals: list[Terminal] = []
        self._opened = 0

    @property
    def terminal(self) -> Terminal:
        """The terminal that was opened last."""
        return self._terminals[-1]

    def handrail(self, *arguments: str) -> None:
        """Type a handrail command into a new terminal, in the shop's project folder."""
        self._opened += 1
        terminal = Terminal(self.folder / f"terminal-{self._opened}", *self.size)
        self._terminals.append(terminal)
        terminal.run(
            [sys.executable, "-P", "-m", "handrail", *arguments],
            environment=self.environment,
            folder=self.shop.sandbox.layout.shop,
        )

    def open_deploy(self, ref: str) -> None:
        """Open the production deploy of a release, and go through its start screen."""
        self.handrail("run", "production-deploy", "--param", "feature=Gift notes", "--param", f"ref={ref}")
        self.terminal.expect("ctrl+s Open")
        self.terminal.press("C-s")
        self.terminal.expect("Next: Tell the team")

    def runs(self) -> list[RunHead]:
        """The runs of this state directory."""
        journal = SqliteJournal(self.state_folder.journal, read_only=True)
        try:
            return journal.runs()
        finally:
            journal.close()

    def run(self) -> RunState:
        """The newest run, as its journal tells it."""
        journal = SqliteJournal(self.state_folder.journal, read_only=True)
        try:
            return RunFollower(journal, journal.runs()[0].run).state
        finally:
            journal.close()

    def problems(self) -> list[str]:
        """What is wrong with the newest run's chain of events."""
        journal = SqliteJournal(self.state_folder.journal, read_only=True)
        try:
            return journal.verify(journal.runs()[0].run)
        finally:
            journal.close()

    def locks(self) -> list[Any]:
        """The targets' locks."""
        journal = SqliteJournal(self.state_folder.journal, read_only=True)
        try:
            return list(journal.locks())
        finally:
            journal.close()

    def press_run_until(self, title: str, *, started: bool = False) -> None:
        """Run the next step again and again until the named one is next (or, with `started`, has begun)."""
        for _ in range(60):
            state = wait_for(self._idle, "the step's end", STEP_SECONDS)
            current = state.current
            assert current is not None, "every step is done"
            assert current.status is StepStatus.PENDING, f"{current.planned.title}: {current.why}"
            # A key pressed before the screen shows the step would be answered for the step before it.
            self.terminal.expect(f"Next: {current.planned.title}"[:40])
            if current.planned.title == title and not started:
                return
            asks = current.planned.kind is StepKind.ATTEST
            self.terminal.press("y" if asks else "Enter")
            if asks:
                self.terminal.expect("You say that this holds")
                self.terminal.press("Enter")
            moved = current.key
            wait_for(lambda key=moved: self._begun(key), f"the start of {moved}", STEP_SECONDS)
            if current.planned.title == title:
                return
        raise AssertionError(f"never came to {title}")

    def _idle(self) -> RunState | None:
        state = self.run()
        return state if state.running is None and state.waiting_step is None else None

    def _begun(self, key: str) -> bool:
        step = self.run().steps[key]
        return bool(step.attempts) or step.status is StepStatus.RUNNING or step.status.is_done

    def engine(self) -> ProcessIdentity:
        """The process that is the run's engine now."""
        return wait_for(self._engine, "an engine")

    def _engine(self) -> ProcessIdentity | None:
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if "handrail.engine" in words and str(self.state_folder.root) in words:
                return ProcessIdentity.of(process.pid)
        return None

    def close_terminal(self) -> None:
        """Close the terminal that was opened last; the one before it is at hand again."""
        self._terminals.pop().close()

    def clear(self) -> None:
        """Close the terminals, and end the engines and shims of this desk."""
        for terminal in self._terminals:
            terminal.close()
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            ours = any(str(self.state_folder.root) in word for word in words)
            if ours and (identity := ProcessIdentity.of(process.pid)):
                identity.signal(signal.SIGKILL)


__all__ = ["Desk", "kill"]
