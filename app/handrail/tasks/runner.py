"""invoke's own runner, with a child that writes straight into the log.

invoke copies a child's output through threads: quadratic for long output (pyinvoke/invoke#1079), all
of it kept in memory (#344), and lost with the copying process. Here the child inherits standard
output and error, which in an attempt are the log file itself; its standard input is /dev/null.
Capturing is for small answers, and only where `hide` asks for it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.runners import Local, Result

from handrail.errors import HandrailError

if TYPE_CHECKING:
    from invoke.context import Context


class UncapturedResult(Result):
    """The result of a command whose output went to the log; asking for it is a mistake, and says so."""

    def _missing(self) -> str:
        raise HandrailError(
            f"The output of `{self.command}` went straight to the log and wasn't kept.",
            next_step="call it with hide=True (or hide='stdout') where a task needs the output.",
        )

    def _ignore(self, value: str) -> None:
        """invoke's constructor sets the attribute; there is nothing to keep."""

    stdout = property(lambda self: self._missing(), lambda self, value: self._ignore(value))
    stderr = property(lambda self: self._missing(), lambda self, value: self._ignore(value))


class LogRunner(Local):
    """Runs a shell line given to `context.run`, or exactly `argv` where that is set."""

    process: subprocess.Popen[bytes]

    def __init__(self, context: Context, argv: Sequence[str] | None = None, cwd: Path | None = None) -> None:
        super().__init__(context)
        self._argv = list(argv) if argv is not None else None
        self._cwd = cwd

    def echo(self, command: str) -> None:
        """Print the command before it starts, as the log's readers expect it."""
        print(f"$ {command}", flush=True)

    def start(self, command: str, shell: str, env: dict[str, Any]) -> None:
        """Start the child; only a hidden stream is a pipe."""
        if self.using_pty:
            super().start(command, shell, env)
            return
        hidden = self.opts["hide"]
        self.process = subprocess.Popen(
            self._argv if self._argv is not None else [shell, "-c", command],
            env=env,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if "stdout" in hidden else None,
            stderr=subprocess.PIPE if "stderr" in hidden else None,
            close_fds=True,
        )

    def create_io_threads(self) -> tuple[dict[Callable[..., Any], Any], list[str], list[str]]:
        """No threads: what is hidden is collected in `wait`, the rest never passes through here."""
        if self.using_pty:
            return super().create_io_threads()
        return {}, [], []

    def wait(self) -> None:
        """Wait for the child, collecting its hidden streams."""
        if self.using_pty:
            super().wait()
            return
        output, errors = self.process.communicate()
        self.stdout += [self.decode(output)] if output else []
        self.stderr += [self.decode(errors)] if errors else []

    def generate_result(self, **kwargs: Any) -> Result:
        """A result that has the hidden streams, and refuses to pretend that it has the others."""
        if self.using_pty or {"stdout", "stderr"} & set(kwargs["hide"]):
            return Result(**kwargs)
        return UncapturedResult(**kwargs)
