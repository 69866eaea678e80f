"""The terminal program: it composes screens, and leaves the run alone when it goes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from handrail.errors import ExitCode
from handrail.journal.session import RunSession
from handrail.tui.issues import IssuesOf, no_issues
from handrail.tui.opening import Opening
from handrail.tui.presenters.line import Tone, line
from handrail.tui.screens.run import RunScreen
from handrail.tui.screens.start import StartScreen
from handrail.tui.widgets.painting import Backstop

_log = logging.getLogger("handrail.tui")


class HandrailApp(App[int]):
    """Shows one run, or first the question whether to open it.

    `log_path` gives the log file of a run's attempt. `run` returns the exit code. A hang-up is left to
    its default, which ends this process at once: nothing of the run hangs from it.
    """

    TITLE = "handrail"
    ENABLE_COMMAND_PALETTE = True
    NOTIFICATION_TIMEOUT = 5
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+q", "detach", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        session: RunSession | None = None,
        opening: Opening | None = None,
        log_path: Callable[[str, int], Path],
        secrets: Sequence[str] = (),
        may_act: bool = True,
        issues: IssuesOf = no_issues,
    ) -> None:
        super().__init__()
        if (session is None) == (opening is None):
            raise ValueError("either a session or an opening")
        self._session = session
        self._opening = opening
        self._log_path = log_path
        self._secrets = tuple(secrets)
        self._may_act = may_act
        self._issues = issues
        self._interrupted = False
        # An animated page-up costs a hundred times the bytes, and the link may be bad.
        self.animation_level = "none"
        self._backstop = Backstop(self._secrets)

    def on_mount(self) -> None:
        """Show the run, or what it would be."""
        if self._session is not None:
            self.show_run(self._session)
        elif self._opening is not None:
            self.push_screen(StartScreen(self._opening, self.show_run))

    def show_run(self, session: RunSession) -> None:
        """Follow a run from here on."""
        self._session = session
        screen = RunScreen(
            session, self._log_path, secrets=self._secrets, may_act=self._may_act, issues=self._issues
        )
        self.push_screen(screen)

    @property
    def run_screen(self) -> RunScreen | None:
        """The screen of the run, wherever it lies in the stack."""
        return next((screen for screen in self.screen_stack if isinstance(screen, RunScreen)), None)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters, behind the backstop."""
        return [self._backstop, *super().get_line_filters()]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers: every action of the run, and how to leave."""
        if isinstance(screen, RunScreen):
            yield from screen.palette()
        yield SystemCommand("Detach", "Leave; the run goes on", self.action_detach)
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def action_detach(self) -> None:
        """Leave. An open run goes on, and can be attached to again."""
        screen = self.run_screen
        if screen is None:
            self.exit(ExitCode.FINISHED)
        elif screen.session.state.phase.is_open:
            again = f"Detached. The run goes on: handrail attach {screen.session.run}"
            self.exit(screen.exit_code, message=again)
        else:
            self.exit(screen.exit_code)

    def action_interrupt(self) -> None:
        """Ctrl+C never harms the run; pressed twice it leaves."""
        if self._interrupted:
            self.action_detach()
            return
        self._interrupted = True
        self.set_timer(3, self._forget_interrupt)
        if isinstance(self.screen, RunScreen):
            self.screen.say(
                line(("Ctrl+C stops nothing. Once more, or q, detaches: the run goes on.", Tone.WARN))
            )
        else:
            self.bell()

    def _forget_interrupt(self) -> None:
        self._interrupted = False

    def _handle_exception(self, error: Exception) -> None:
        """Leave with one clear line; the traceback belongs into the log file, never onto the screen."""
        _log.critical("the screen failed", exc_info=error)
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        files = [
            h.baseFilename
            for h in logging.getLogger("handrail").handlers
            if isinstance(h, logging.FileHandler)
        ]
        where = f" Details: {files[0]}." if files else ""
        run = f" The run goes on: handrail attach {self._session.run}" if self._session else ""
        self.exit(ExitCode.DETACHED, message=f"The screen failed: {type(error).__name__}.{where}{run}")
