"""A small project behind the real screen: steps that wait for a file, fail, or are lost, as a test says."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.pseudo_terminal import PseudoTerminal
from e2e.faults.desk import Desk
from terminal import Terminal, bare_environment
from waiting import wait_for

LINES = 20_000
TITLE = "Small release"
FIRST, SLOW, LOST, BROKEN = "First", "Slow", "Lost", "Broken"
PROJECT = """\
default_target = "production"
[targets.production]
production = true
checkout = "checkout"
"""
RUNBOOK = f"""\
# {TITLE}
## Steps
### {FIRST}
```yaml step
task: shell.fence
with: {{script: "echo first"}}
undo: {{task: shell.fence, with: {{script: "until test -e back; do sleep 0.02; done"}}}}
```
### {SLOW}
```yaml step
task: shell.fence
with: {{script: "seq -f 'line %.0f of many' {LINES}; until test -e go; do sleep 0.02; done; echo whole"}}
undo: {{nothing: "it only writes a log"}}
```
### {LOST}
```yaml step
task: shell.fence
with: {{script: "touch begun; until test -e found; do sleep 0.02; done"}}
undo: {{nothing: "it only waits"}}
```
### {BROKEN}
```yaml step
task: shell.fence
with: {{script: "exit 1"}}
on_failure: immediate
undo: {{nothing: "it never did anything"}}
```
"""


class Place:
    """One project with one runbook, an operator's desk, and as many terminals as are opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        project = folder / "project"
        self.checkout = project / "checkout"
        self.checkout.mkdir(parents=True)
        (project / "runbooks").mkdir()
        (project / "handrail.toml").write_text(PROJECT)
        self.runbook = project / "runbooks" / "small.md"
        self.runbook.write_text(RUNBOOK)
        self.desk = Desk(folder, project)
        self.environment = bare_environment(
            folder / "home", HANDRAIL_STATE=str(self.desk.state.root), TEXTUAL_ANIMATIONS="none", PAGER="cat"
        )
        self._terminals = ExitStack()
        self._opened = 0

    def _folder(self) -> Path:
        self._opened += 1
        return self.folder / f"terminal-{self._opened}"

    @staticmethod
    def command(*words: str) -> list[str]:
        """How handrail is called."""
        return [sys.executable, "-P", "-m", "handrail", *words]

    def tmux(self, *command: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        """A command in a terminal that is read as a person would."""
        terminal = Terminal(self._folder(), *size)
        self._terminals.callback(terminal.close)
        terminal.run(command, environment=self.environment, folder=self.desk.project)
        return terminal

    def screen(self, *words: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        """handrail in such a terminal."""
        return self.tmux(*self.command(*words), size=size)

    def bytes_of(self, *words: str, size: tuple[int, int] = (80, 24), **environment: str) -> PseudoTerminal:
        """handrail in a terminal that keeps every byte."""
        return self._terminals.enter_context(
            PseudoTerminal(
                self.command(*words),
                environment={**self.environment, **environment},
                folder=self.desk.project,
                size=size,
            )
        )

    def commands(self) -> list[dict[str, Any]]:
        """What was asked of the newest run's engine, by whichever screen."""
        with self.desk.journal() as journal:
            return [row.body for row in journal.commands(self.desk.runs()[0], 0)]

    def asked(self) -> list[str]:
        """The kinds of what was asked."""
        return [str(body["type"]) for body in self.commands()]

    def let(self, name: str) -> None:
        """Make the file for which a step waits."""
        (self.checkout / name).touch()

    def lose(self, attempt: int) -> None:
        """Kill an attempt's shim and its task, so that nobody knows what became of it."""
        wait_for((self.checkout / "begun").exists, "the task's beginning")
        files = self.desk.attempt(attempt)
        os.kill(json.loads(files.claim.read_text())["pid"], signal.SIGKILL)
        os.killpg(json.loads(files.task.read_text())["pid"], signal.SIGKILL)

    def end(self) -> None:
        """Close the terminals, and leave no process behind."""
        self._terminals.close()
        for name in ("go", "found", "back"):
            self.let(name)
        self.desk.end()
