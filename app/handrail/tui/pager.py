"""The person's own pager, fed with a cleaned log. Nothing of it is kept on disk."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

PAGER_VARIABLE = "PAGER"


class Pager(Struct, frozen=True):
    """A program that reads a text from its standard input, and whether it shows colours."""

    command: tuple[str, ...]
    colours: bool


def choose_pager(environment: Mapping[str, str]) -> Pager | None:
    """`$PAGER`, or `less -R`, or `more`; `None` where none of them can be found."""
    for words in (environment.get(PAGER_VARIABLE, ""), "less -R", "more"):
        try:
            command = tuple(shlex.split(words))
        except ValueError:
            continue
        if not command or shutil.which(command[0], path=environment.get("PATH")) is None:
            continue
        if Path(command[0]).name != "less":
            return Pager(command, colours=False)
        raw = any(option.startswith("--RAW") or _is_short(option, "R") for option in command[1:])
        return Pager(command if raw else (*command, "-R"), colours=True)
    return None


def _is_short(option: str, letter: str) -> bool:
    return option.startswith("-") and not option.startswith("--") and letter in option


def show(pager: Pager, pieces: Iterable[bytes], environment: Mapping[str, str]) -> str:
    """Run the pager at this terminal until it ends. Returns what went wrong, or nothing.

    The pager reads no faster than it shows, and a log of any size costs no more than what was looked at.
    """
    try:
        process = subprocess.Popen(pager.command, stdin=subprocess.PIPE, env=dict(environment))
    except OSError as error:
        return f"{pager.command[0]} can't be started: {error.strerror}."
    if process.stdin is not None:
        # It may be left before the end; what is still buffered then is nobody's.
        with suppress(BrokenPipeError):
            for piece in pieces:
                process.stdin.write(piece)
        with suppress(BrokenPipeError):
            process.stdin.close()
    code = process.wait()
    return f"{pager.command[0]} ended with code {code}." if code > 0 else ""


@contextmanager
def interrupts_for_the_pager() -> Iterator[None]:
    """Let Ctrl+C be the pager's alone. A handler, unlike ignoring, is not inherited by the pager."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
