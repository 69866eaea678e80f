"""The run: its steps, the one that is looked at, its log, the countdown, and the keys that act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.screen import Screen

from handrail.errors import ExitCode, HandrailError
from handrail.journal.session import Entry, RunSession
from handrail.project.calendar import Calendar, calendar_of
from handrail.run import events as e
from handrail.run.state import AttemptState, Phase, RunState, StepState
from handrail.text import clean_line
from handrail.tui.desk import CommandDesk
from handrail.tui.issues import IssuesOf, no_issues
from handrail.tui.presenters.actions import ACTIONS, BY_NAME, NARROW, Asks, key_lines, label
from handrail.tui.presenters.countdown import countdown_view
from handrail.tui.presenters.detail import detail_lines, detail_title
from handrail.tui.presenters.header import WIDE, header_lines
from handrail.tui.presenters.help import help_lines
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.log import log_title
from handrail.tui.presenters.notices import notice_for
from handrail.tui.presenters.steps import step_rows
from handrail.tui.presenters.summary import summary_lines, summary_title
from handrail.tui.screens.prompt import PromptScreen
from handrail.tui.screens.rollback import OtherWayScreen, RollbackScreen
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.widgets.countdown_panel import CountdownPanel
from handrail.tui.widgets.lines import Lines
from handrail.tui.widgets.log_view import LogView
from handrail.tui.widgets.step_list import StepList

POLL_SECONDS = 0.1
NOTICE_FOR = timedelta(seconds=20)
SAID_AFTER = timedelta(seconds=1)
VIEWS = ("", "-only-steps", "-only-step", "-only-log")


class RunScreen(Screen[None]):
    """Follows one run. One timer asks the journal what is new; at rest nothing else happens."""

    CSS_PATH = "run.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012  Textual declares it so
        (0, "-narrow"),
        (60, "-normal"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-short"), (20, "-tall")]  # noqa: RUF012  Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(",".join((a.key, *a.also)), f"act('{a.name}')", a.label, show=False) for a in ACTIONS),
        Binding("q", "app.detach", "Detach", show=False),
        Binding("question_mark", "help", "Keys", show=False),
        Binding("l", "focus_log", "Log", show=False),
        Binding("f", "follow_log", "Follow", show=False),
        Binding("v", "view", "View", show=False),
        Binding("escape,full_stop", "follow_step", "Current step", show=False),
    ]

    def __init__(
        self,
        session: RunSession,
        log_path: Callable[[str, int], Path],
        *,
        secrets: Sequence[str] = (),
        may_act: bool = True,
        issues: IssuesOf = no_issues,
    ) -> None:
        super().__init__()
        self._issues = issues
        self.session = session
        self.desk = CommandDesk(session, may_act=may_act)
        self._log_path = log_path
        self._secrets = secrets
        self._drafts: dict[str, str] = {}
        self._second = -1
        self._notice_until = self._shown_at = session.clock.now()
        self._fault = False
        # What was said of the engine stands until an event shows that it works.
        self._engine_says: Line = ()
        self._summarised = False
        self._view = 0
        self._calendar: Calendar | None = None
        self._asked_calendar = False

    @property
    def exit_code(self) -> ExitCode:
        """What the program says to its shell when it is left now."""
        if self.session.state.phase.is_open:
            return ExitCode.DETACHED
        finished = self.session.state.phase is Phase.FINISHED
        return ExitCode.FINISHED if finished else ExitCode.FAILED_OR_ROLLED_BACK

    def compose(self) -> ComposeResult:
        """From top to bottom: what is always in view, then steps, step and log, then what to press."""
        yield Lines(id="header")
        yield Lines(id="running")
        yield CountdownPanel(id="countdown")
        with Container(id="body"):
            yield StepList(id="steps")
            with Vertical(id="step-pane"):
                yield Lines(id="step-title", classes="pane-title")
                with VerticalScroll(id="step-scroll"):
                    yield Lines(id="step-lines")
            with Vertical(id="log-pane"):
                yield Lines(id="log-title", classes="pane-title")
                yield LogView(self._secrets, id="log")
        yield Lines(id="notice")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """Begin to follow the run."""
        self.query_one(StepList).focus()
        self.query_one(CountdownPanel).display = False
        self.show_run()
        self.set_interval(POLL_SECONDS, self._poll)

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self.call_after_refresh(self.show_run)

    def _poll(self, *, at_once: bool = False) -> None:
        now = self.session.clock.now()
        new_second = int(now.boot) != self._second
        if self._fault and not new_second:
            return
        entries: list[Entry] = []
        try:
            entries = self.desk.poll()
            if entries:
                self._engine_says = ()
            if new_second:
                self._keep_engine()
        except HandrailError as fault:
            self._storage_failed(fault)
        else:
            self._storage_works()
        self._tell(entries)
        self.query_one(LogView).tick(at_once=at_once)
        if new_second or entries:
            self._second = int(now.boot)
            self.show_run()

    def _keep_engine(self) -> None:
        if self.session.state.phase.is_open and (said := self.session.keep_engine()):
            self._engine_says = line((clean_line(said), Tone.WARN))

    def _storage_works(self) -> None:
        if self._fault:
            self._fault = False
            self.say(line(("The journal can be read again.", Tone.GOOD)))

    def _tell(self, entries: list[Entry]) -> None:
        for entry in entries:
            if isinstance(entry.event, e.CommandAccepted) and entry.event.issuer == self.session.actor:
                self.say(())
            if (notice := notice_for(entry.event, self.session.actor)) is not None:
                self.say(notice)
            if isinstance(entry.event, e.TriggerRaised | e.DeadlinePassed):
                self.app.bell()

    def catch_up(self) -> None:
        """Look at the journal now instead of at the next tick."""
        self._second = -1
        self._poll(at_once=True)

    def _storage_failed(self, fault: HandrailError) -> None:
        self._fault = True
        words = f"{fault.summary} This screen may be out of date; trying again. {fault.next_step}"
        self.query_one("#notice", Lines).show(line((clean_line(words), Tone.ALARM)), layout=True)

    def show_run(self) -> None:
        """Bring every part up to the present state; each repaints only what has changed."""
        if not self.is_mounted:
            return
        state, now = self.session.state, self.session.clock.now()
        self._shown_at = now
        width, actor, may_act = self.size.width, self.session.actor, self.desk.may_act
        if width >= WIDE:
            self._need_calendar()
        *header, running = header_lines(
            state, actor, now, width, may_act=may_act, calendar=self._calendar if width >= WIDE else None
        )
        self.query_one("#header", Lines).show(*header)
        self.query_one("#running", Lines).show(running)
        panel = self.query_one(CountdownPanel)
        view = countdown_view(state, now)
        panel.show(view, narrow=width < NARROW)
        self.set_class(view is not None, "-counting")
        self.query_one(StepList).show(step_rows(state, now))
        self._show_step(state)
        self.query_one("#keys", Lines).show(*key_lines(state, actor, width, may_act=may_act))
        self._show_waiting()
        if not state.phase.is_open and not self._summarised and self.is_current:
            self._summarised = True
            self.app.push_screen(SheetScreen(summary_title(state), summary_lines(state), leaves_app=True))

    def _need_calendar(self) -> None:
        window = self.session.state.plan.target.deployment_window
        if window is None or self._asked_calendar:
            return
        self._asked_calendar = True

        def read() -> None:
            self._calendar = calendar_of(window)

        # The library of holidays takes a second to load; the next second's painting shows the window.
        self.run_worker(read, thread=True)

    def _show_step(self, state: RunState) -> None:
        step = state.steps.get(self.query_one(StepList).selected or "")
        if step is None:
            return
        self.query_one("#step-title", Lines).show(detail_title(state, step, self._shown_at))
        lines = detail_lines(state, step, self._issues(state, step))
        self.query_one("#step-lines", Lines).show(*lines, layout=True)
        attempt = self._attempt_in_view(state, step)
        log = self.query_one(LogView)
        log.open(self._log_path(state.run, attempt.number) if attempt else None)
        self.query_one("#log-title", Lines).show(log_title(state, attempt, log.following, log.position))

    def _attempt_in_view(self, state: RunState, step: StepState) -> AttemptState | None:
        """The step's last attempt; while following, the run's last one stays until there is a newer."""
        if step.attempts:
            return state.attempts[step.attempts[-1]]
        if self.query_one(StepList).following:
            return next((a for a in reversed(state.attempts.values()) if a.step is not None), None)
        return None

    def _show_waiting(self) -> None:
        waiting = self.desk.waiting
        if waiting is not None and waiting > SAID_AFTER:
            self.say(line(("Sent, waiting for the engine…", Tone.BUSY)))
        elif self.session.clock.now().since(self._notice_until) > timedelta() and not self._fault:
            self.query_one("#notice", Lines).show(self._engine_says, layout=True)

    def say(self, words: Line) -> None:
        """Show a sentence for a while."""
        self._notice_until = self.session.clock.now().plus(NOTICE_FOR)
        self.query_one("#notice", Lines).show(words, layout=True)

    def on_step_list_selected(self) -> None:
        """Show the step that is looked at."""
        self.query_one("#step-scroll", VerticalScroll).scroll_home(animate=False)
        self._show_step(self.session.state)

    def on_log_view_moved(self) -> None:
        """Say where in the log the view is."""
        self._show_step(self.session.state)

    def action_act(self, name: str) -> None:
        """Do one action, or say why it can't be done now."""
        action = BY_NAME[name]
        if why := self.desk.why_blocked(action):
            self.say(line((f"{label(action, self.session.state)}: ", Tone.WARN), why))
        elif action.asks is Asks.TARGET:
            screen = OtherWayScreen if action.name == "other_way" else RollbackScreen
            self.app.push_screen(screen(self.desk))
        elif action.asks is not Asks.NOTHING:
            self.app.push_screen(PromptScreen(action, self.desk, self._drafts))
        elif why := self.desk.send(action.make(self.session.state, ""), self._answered):
            self.say(line((clean_line(why), Tone.WARN)))

    def _answered(self, reason: str) -> None:
        self.say(line((clean_line(reason), Tone.BAD)) if reason else ())

    def action_help(self) -> None:
        """Every key, and why the blocked ones are blocked."""
        session = self.session
        lines = help_lines(session.state, session.actor, may_act=self.desk.may_act)
        self.app.push_screen(SheetScreen(line(("Keys of this screen", Tone.STRONG)), lines))

    def action_focus_log(self) -> None:
        """Give the keys to the log."""
        self.query_one(LogView).focus()

    def action_follow_log(self) -> None:
        """Follow the log's end, or stop."""
        self.query_one(LogView).toggle_following()

    def action_follow_step(self) -> None:
        """Back to the current step."""
        steps = self.query_one(StepList)
        steps.focus()
        steps.action_follow()

    def action_view(self) -> None:
        """One pane alone, the next one, then all again."""
        self.remove_class(*VIEWS[1:])
        self._view = (self._view + 1) % len(VIEWS)
        if VIEWS[self._view]:
            self.add_class(VIEWS[self._view])
        focus = ("#steps", "#steps", "#step-scroll", "#log")[self._view]
        self.query_one(focus).focus()

    def palette(self) -> Iterable[SystemCommand]:
        """Every action, for the command palette."""
        for action in ACTIONS:
            yield SystemCommand(
                label(action, self.session.state),
                f"{action.help} ({action.shown_key})",
                lambda name=action.name: self.action_act(name),
            )
        yield SystemCommand("Keys", "Every key of this screen", self.action_help)
        yield SystemCommand("Log", "Give the keys to the log", self.action_focus_log)
        yield SystemCommand("Follow log", "Follow the log's end, or stop", self.action_follow_log)
        yield SystemCommand("View", "Show one pane alone, the next one, all", self.action_view)
        yield SystemCommand("Current step", "Back to the current step", self.action_follow_step)
