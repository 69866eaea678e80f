"""Which screen a run gets at this terminal, and how it is made."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from handrail.cli.following import Following
from handrail.cli.hints import DismissedHints
from handrail.cli.issues import KnownIssues
from handrail.cli.narrator import Narrator
from handrail.cli.plain import DescriptorLines, PlainScreen
from handrail.cli.surroundings import LOG_NAME, Surroundings
from handrail.cli.unattended import UnattendedScreen
from handrail.issues.model import Found
from handrail.journal.session import RunSession
from handrail.paths import StateFolder
from handrail.project.model import Target
from handrail.project.secret import secrets_of
from handrail.run.state import RunState, StepState
from handrail.terminals import believes_colorterm

if TYPE_CHECKING:
    from handrail.cli.choosing import Chooser
    from handrail.cli.opening import RunOpening
    from handrail.tui.issues import IssuesOf

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
        issues=KnownIssues(session.state.plan, log_paths(state)),
    )


def plain_screen(
    session: RunSession, state: StateFolder, attach_command: str, *, as_json: bool = False
) -> PlainScreen:
    """The run by lines of standard input and output."""
    narrator = narrator_for(session, state, as_json=as_json)
    return PlainScreen(
        Following(session, narrator), DescriptorLines(STANDARD_INPUT), attach_command=attach_command
    )


def known_issues(log_path: Callable[[str, int], Path]) -> IssuesOf:
    """What the run on a screen asks, whichever run it will be."""
    catalogues: dict[str, KnownIssues] = {}

    def of(run: RunState, step: StepState) -> Sequence[Found]:
        if run.run not in catalogues:
            catalogues[run.run] = KnownIssues(run.plan, log_path)
        return catalogues[run.run](run, step)

    return of


def onlooking_screen(
    session: RunSession, state: StateFolder, attach_command: str, *, as_json: bool = False
) -> UnattendedScreen:
    """The run told by lines to one who never acts."""
    following = Following(session, narrator_for(session, state, as_json=as_json), may_start_engine=False)
    return UnattendedScreen(following, attach_command=attach_command, acts=False)


def run_tui(
    here: Surroundings,
    *,
    target: Target | None = None,
    session: RunSession | None = None,
    opening: RunOpening | None = None,
    choosing: Chooser | None = None,
    may_act: bool = True,
) -> int:
    """The run on the screen: one that is open, first the question whether to open it, or the list of all."""
    from handrail.configuration.loader import load, locate  # noqa: PLC0415
    from handrail.tui.keys import KEY_ACTIONS  # noqa: PLC0415

    # As for a command's import; the app collects again once it is ready.
    gc.disable()
    configuration = load(locate(here.environment), KEY_ACTIONS)
    environment = dict(here.environment)
    if not believes_colorterm(environment):
        # Textual asks the environment, and so does what is started from here: a pager.
        os.environ.pop("COLORTERM", None)
    from handrail.tui.app import HandrailApp  # noqa: PLC0415  (Textual takes 400 ms: only where it is shown)
    from handrail.tui.terminal_link import wants_mouse  # noqa: PLC0415

    with logging_to(here.state):
        app = HandrailApp(
            session=session,
            opening=opening,
            choosing=choosing,
            log_path=log_paths(here.state),
            secrets=secrets_of(target) if target is not None else (),
            may_act=may_act,
            issues=known_issues(log_paths(here.state)),
            configuration=configuration,
            hints=DismissedHints(here.environment),
            environment=environment,
        )
        if "NO_COLOR" in environment:
            # Textual has taken it out: what is started from here is to have it as well.
            os.environ["NO_COLOR"] = environment["NO_COLOR"]
        mouse = configuration.settings.mouse and wants_mouse(environment)
        return int(app.run(mouse=mouse) or 0)


@contextmanager
def logging_to(state: StateFolder) -> Iterator[None]:
    """Send what the screen says of its own troubles to the log file: the terminal is not the place for it."""
    handler = logging.FileHandler(state.root / LOG_NAME, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("handrail")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
