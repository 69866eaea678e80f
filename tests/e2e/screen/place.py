"""A small project behind the real screen: steps that wait for a file, fail, or are lost, as a test says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.pseudo_terminal import PseudoTerminal
from e2e.faults.desk import Desk
from handrail.processes import ProcessIdentity
from terminal import Terminal, bare_environment, kill
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


def found_in(pattern: str, said: str) -> str:
    """The part of what a program said that the pattern's group matches."""
    found = re.search(pattern, said)
    assert found, said
    return found[1]


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

    def tmux(self, *command: str, size: tuple[int, int] = (80, 24), **environment: str) -> Terminal:
        """A command in a terminal that is read as a person would."""
        terminal = Terminal(self._folder(), *size)
        self._terminals.callback(terminal.close)
        terminal.run(command, environment={**self.environment, **environment}, folder=self.desk.project)
        return terminal

    def screen(self, *words: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        """handrail in such a terminal."""
        return self.tmux(*self.command(*words), size=size)

    def gnu_screen(self, *words: str, **environment: str) -> Terminal:
        """handrail in a window of GNU screen, in such a terminal."""
        # A socket's path may have some hundred characters.
        sockets = Path(self._terminals.enter_context(TemporaryDirectory(prefix="screen-")))
        command = ["screen", "-c", os.devnull, "-U", "-S", "handrail", *self.command(*words)]
        environment = {**environment, "SCREENDIR": str(sockets)}

        def quit_it() -> None:
            subprocess.run(
                ["screen", "-S", "handrail", "-X", "quit"],
                env={**self.environment, **environment},
                stdout=subprocess.DEVNULL,
                check=False,
            )
            wait_for(lambda: not list(sockets.iterdir()), "the end of GNU screen")

        self._terminals.callback(quit_it)
        return self.tmux(*command, **environment)

    def mosh(self, *words: str) -> Terminal:
        """handrail behind a mosh server on loopback, its client in such a terminal."""
        started = subprocess.run(
            ["mosh-server", "new", "-i", "127.0.0.1", "-c", "256", "--", *self.command(*words)],
            env=self.environment,
            cwd=self.desk.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        server = ProcessIdentity.of(int(found_in(r"detached, pid = (\d+)", started.stderr)))
        assert server is not None, started.stderr
        self._terminals.callback(kill, server)
        port, key = found_in(r"MOSH CONNECT (\d+ \S+)", started.stdout).split()
        return self.tmux("mosh-client", "127.0.0.1", port, MOSH_KEY=key)

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
