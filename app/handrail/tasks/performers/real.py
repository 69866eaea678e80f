"""The performer that really does it."""

from __future__ import annotations

import hashlib
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.errors import MachineFault
from handrail.probes.exchange import Answer, Request
from handrail.tasks import report
from handrail.tasks.commands import Command, Outcome
from handrail.tasks.runner import LogRunner

if TYPE_CHECKING:
    from invoke.context import Context


OPENED_WITH = "A run keeps the settings that it was opened with: after changing them, abort and start anew."


def _missing(program: str, path: str) -> MachineFault:
    if "/" in program:
        return MachineFault(
            f"The program `{program}` isn't there.",
            still_safe="nothing was changed by this command.",
            next_step=f"install it there, then retry; or correct its folder in handrail.toml. {OPENED_WITH}",
        )
    return MachineFault(
        f"The program `{program}` isn't on this machine's PATH.",
        evidence=f"PATH={path}",
        still_safe="nothing was changed by this command.",
        next_step="install it into one of these folders, then retry; or name its folder in the target's"
        f" `path` in handrail.toml. {OPENED_WITH}",
    )


class RealPerformer:
    """Executes commands through invoke's runner, in `environment`, and sends requests."""

    def __init__(self, context: Context, environment: Mapping[str, str]) -> None:
        self._context = context
        self._environment = dict(environment)

    def run(self, command: Command) -> Outcome:
        """Execute a command, its output going straight to the log."""
        return self._execute(command, hide=None, quiet=False)

    def read(self, command: Command, *, quiet: bool = False) -> Outcome:
        """Execute a command whose output is small, and give that output."""
        return self._execute(command, hide="both", quiet=quiet)

    def _execute(self, command: Command, *, hide: str | None, quiet: bool) -> Outcome:
        environment = self._environment
        if command.inherits is not None:
            environment = {
                name: value
                for name, value in environment.items()
                if any(fnmatchcase(name, pattern) for pattern in command.inherits)
            }
        if not quiet:
            print(command.line(), flush=True)
        runner = LogRunner(self._context, command.argv, command.cwd)
        try:
            result = runner.run(
                shlex.join(command.argv),
                env={**environment, **command.environment},
                replace_env=True,
                hide=hide,
                echo=False,
                warn=True,
                in_stream=False,
            )
        except OSError as error:
            raise self._cannot_start(command, error) from error
        if hide is None:
            return Outcome(result.exited)
        return Outcome(result.exited, result.stdout, result.stderr)

    def _cannot_start(self, command: Command, error: OSError) -> MachineFault:
        program = command.argv[0]
        if not command.cwd.is_dir():
            return MachineFault(
                f"The folder {command.cwd}, in which `{program}` should run, isn't there.",
                still_safe="nothing was changed by this command.",
                next_step="restore the folder, then retry; or correct the target's `checkout` in"
                f" handrail.toml. {OPENED_WITH}",
            )
        if isinstance(error, FileNotFoundError):
            return _missing(program, self._environment.get("PATH", ""))
        return MachineFault(
            f"The program `{program}` can't be started: {error.strerror}.",
            still_safe="nothing was changed by this command.",
            next_step="see whether it may be executed, and whether the machine has memory left.",
        )

    def request(self, request: Request, *, quiet: bool = False) -> Answer:
        """Send one HTTP request on a new connection."""
        from handrail.probes.http import send  # noqa: PLC0415  (slow to import, needed by few tasks)

        if not quiet:
            print(request.line(), flush=True)
        return send(request)

    def ticks(self, duration: float, every: float) -> Iterator[float]:
        """The seconds since the start, at once and then at each tick, until `duration` is over."""
        start = time.monotonic()
        tick = 0.0
        while True:
            yield time.monotonic() - start
            tick += every
            if tick > duration:
                return
            time.sleep(max(0.0, start + tick - time.monotonic()))

    def size(self, file: Path) -> int:
        """The size of a file in bytes; 0 where there is none."""
        try:
            return file.stat().st_size
        except OSError:
            return 0

    def checksum(self, file: Path) -> str:
        """The SHA-256 of a file, in hexadecimal."""
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    def append(self, file: Path, line: str) -> None:
        """Add one line to a file that only its owner reads, and be sure that it is on the disk."""
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, f"{line}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise MachineFault(
                f"{file} can't be written: {error.strerror}.",
                next_step="make room on its disk, or make it writable, then retry.",
            ) from error

    def pause(self, seconds: float) -> None:
        """Let time pass before something is tried again."""
        time.sleep(seconds)

    def say(self, line: str) -> None:
        """Print one line to the log."""
        print(line, flush=True)

    def fact(self, name: str, value: object) -> None:
        """Report a fact for later steps."""
        report.fact(name, value)

    def verdict(self, word: str, evidence: str) -> None:
        """Report a check's verdict."""
        report.verdict(word, evidence)
