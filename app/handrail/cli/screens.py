"""Which screen a run gets at this terminal, and how it is made."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from handrail.cli.following import Following
from handrail.cli.narrator import Narrator
from handrail.cli.plain import DescriptorLines, PlainScreen
from handrail.cli.secrets import secrets_of
from handrail.cli.unattended import UnattendedScreen
from handrail.errors import ExitCode
from handrail.journal.session import RunSession
from handrail.paths import StateFolder

SMALLEST = (40, 15)
STANDARD_INPUT = 0


def why_plain(environment: Mapping[str, str], *, terminals: bool, size: tuple[int, int] | None) -> str | None:
    """Why this terminal gets plain lines instead of a screen; `None` where a screen is possible."""
    if not terminals:
        return "there is no terminal here"
    if environment.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return "this terminal can't place text (TERM=dumb)"
    if size is not None and size != (0, 0) and (size[0] < SMALLEST[0] or size[1] < SMALLEST[1]):
        return f"this terminal is smaller than {SMALLEST[0]} by {SMALLEST[1]}"
    return None


def plain_here(environment: Mapping[str, str]) -> str | None:
    """The same, for the terminal at which we are."""
    terminals = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    size: tuple[int, int] | None = None
    if terminals:
        try:
            size = tuple(os.get_terminal_size(sys.stdout.fileno()))  # type: ignore[assignment]
        except OSError:
            size = None
    return why_plain(environment, terminals=terminals, size=size)


def log_paths(state: StateFolder) -> Callable[[str, int], Path]:
    """Where each attempt of each run has its log."""

    def path(run: str, attempt: int) -> Path:
        return state.attempt(run, attempt).log

    return path


def narrator_for(session: RunSession, state: StateFolder, *, as_json: bool) -> Narrator:
    """What tells this run: on standard output, or beside JSON lines on standard error."""
    out: IO[str] = sys.stderr if as_json else sys.stdout
    return Narrator(
        session,
        log_paths(state),
        out,
        secrets=secrets_of(session.state.plan.target),
        events_to=sys.stdout if as_json else None,
    )


def plain_screen(
    session: RunSession, state: StateFolder, attach_command: str, *, as_json: bool = False
) -> PlainScreen:
    """The run by lines of standard input and output."""
    narrator = narrator_for(session, state, as_json=as_json)
    return PlainScreen(
        Following(session, narrator), DescriptorLines(STANDARD_INPUT), attach_command=attach_command
    )


def onlooking_screen(
    session: RunSession, state: StateFolder, attach_command: str, *, as_json: bool = False
) -> UnattendedScreen:
    """The run told by lines to one who never acts."""
    following = Following(session, narrator_for(session, state, as_json=as_json), may_start_engine=False)
    return UnattendedScreen(following, attach_command=attach_command, acts=False)


def run_tui(state: StateFolder, *, may_act: bool, session: RunSession) -> ExitCode:
    """The run on the screen."""
    from handrail.tui.app import HandrailApp  # noqa: PLC0415  (Textual takes 400 ms: only where it is shown)

    app = HandrailApp(
        session=session,
        log_path=log_paths(state),
        secrets=secrets_of(session.state.plan.target),
        may_act=may_act,
    )
    return ExitCode(app.run() or 0)
