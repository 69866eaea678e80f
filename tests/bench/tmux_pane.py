"""tmux with a server of its own, attached in a pseudo-terminal: the peer for a log in a pane."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.project import Project
from bench.pseudo_terminal import PseudoTerminal

Wrap = Callable[[str], Sequence[str]]


class NoTmux(Exception):
    """There is no tmux here."""


class TmuxPanes:
    """A window with a pane that runs a command, and with `typing` a second one below that echoes keys.

    `wrap` makes the client's shell line into a command, such as one over a link.
    """

    def __init__(
        self, project: Project, command: str, *, typing: bool = False, wrap: Wrap | None = None
    ) -> None:
        if shutil.which("tmux") is None:
            raise NoTmux("tmux is needed")
        self._socket = project.folder / f"tmux-{len(list(project.folder.glob('tmux-*')))}"
        self._environment = {k: v for k, v in project.environment.items() if k != "TMUX"}
        self._folder = project.folder
        self._call("new-session", "-d", "-x", "80", "-y", "24", command)
        self._call("set-option", "-g", "status", "off")
        if typing:
            self._call("split-window", "-v", "-l", "5", "exec cat")
        line = shlex.join(["tmux", "-f", "/dev/null", "-S", str(self._socket), "attach"])
        self.terminal = PseudoTerminal(
            wrap(f"TERM=xterm-256color LANG=C.UTF-8 exec {line}") if wrap else ["sh", "-c", f"exec {line}"],
            environment=self._environment,
            folder=project.folder,
            follows=False,
        )

    def _call(self, *words: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", str(self._socket), *words]
        answer = subprocess.run(
            command, env=self._environment, cwd=self._folder, capture_output=True, text=True, check=False
        )
        return answer.stdout

    def close(self) -> None:
        """End this tmux server, and the terminal."""
        self._call("kill-server")
        self.terminal.close()

    def __enter__(self) -> TmuxPanes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def tailing(log: Path) -> str:
    """A command that follows a log."""
    return shlex.join(["tail", "-n", "20", "-F", str(log)])
