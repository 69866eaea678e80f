"""The run: its steps, the one that is looked at, its log, the countdown, and the keys that act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.screen import Screen

from handrail.configuration.actions import Keys
from handrail.errors import ExitCode, HandrailError
from handrail.journal.session import Entry, RunSession
from handrail.run import events as e
from handrail.run.state import AttemptState, Phase, RunState, StepState
from handrail.text import clean_line
from handrail.tui.calendar import CalendarRead
from handrail.tui.desk import CommandDesk
from handrail.tui.following_pace import FollowingPace
from handrail.tui.issues import IssuesOf, no_issues
from handrail.tui.last_errors import LastErrors
from handrail.tui.presenters.actions import ACTIONS, BY_NAME, OWN_KEYS, Asks, label
from handrail.tui.presenters.attempts import attempt_asked, attempt_in_view, place_of
from handrail.tui.presenters.countdown import countdown_notes, countdown_view
from handrail.tui.presenters.detail import detail_lines, detail_title
from handrail.tui.presenters.header import WIDE, header_lines
from handrail.tui.presenters.help import help_lines
from handrail.tui.presenters.keys import NARROW, key_lines
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.notices import notice_for
from handrail.tui.presenters.steps import step_rows
from handrail.tui.presenters.summary import summary_lines, summary_title
from handrail.tui.screens.monitor import MonitorScreen
from handrail.tui.screens.prompt import PromptScreen
from handrail.tui.screens.rollback import OtherWayScreen, RollbackScreen
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.vitals_in_view import VitalsInView
from handrail.tui.watched import Watched
from handrail.tui.widgets.countdown_panel import CountdownPanel
from handrail.tui.widgets.lines import Lines
from handrail.tui.widgets.log_pane import LogPane
from handrail.tui.widgets.log_view import LogView
from handrail.tui.widgets.step_list import StepList

NOTICE_FOR = timedelta(seconds=20)
SAID_AFTER = timedelta(seconds=1)
VIEWS = ("", "-only-steps", "-only-step", "-only-log")
LOG_HIDDEN = ("-only-steps", "-only-step")


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
        *(
            Binding(",".join((a.key, *a.also)), f"act('{a.name}')", a.label, show=False, id=a.name)
            for a in ACTIONS
        ),
        Binding("q", "app.detach", "Detach", show=False, id="leave"),
        Binding("question_mark", "help", "Keys", show=False, id="help"),
        Binding("m", "monitor", "Monitor", show=False, id="monitor"),
        Binding("l", "focus_log", "Log", show=False, id="log"),
        Binding("f", "follow_log", "Follow", show=False, id="follow_log"),
        Binding("v", "view", "View", show=False, id="view"),
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
        keys: Keys = OWN_KEYS,
        told: bool = False,
    ) -> None:
        super().__init__()
        self._is_composed = False
        self._keys = keys
        self._issues = issues
        self.session = session
        self._pace = FollowingPace(self, session.clock, self._look)
        self.desk = CommandDesk(session, may_act=may_act, on_sent=self._pace.soon)
        self._log_path = log_path
        self._secrets = secrets
        self._drafts: dict[str, str] = {}
        self._keys_of: tuple[int, int, bool, bool] | None = None
        self._second = -1
        self._notice_until = self._shown_at = session.clock.now()
        self._fault = False
        # What was said of the engine stands until an event shows that it works.
        self._engine_says: Line = ()
        self._summarised = told
        self._view = 0
        self._watched = Watched()
        patterns = session.state.plan.target.smoke.error_patterns
        self._last_errors = LastErrors(log_path, patterns, secrets)
        self._vitals = VitalsInView(self)
        self._asked_attempt = 0
        in_thread = partial(self.run_worker, thread=True)
        self._calendar = CalendarRead(session.state.plan.target, in_thread)

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
        yield Lines(id="vitals")
        yield CountdownPanel(id="countdown")
        with Container(id="body"):
            yield StepList(id="steps")
            with Vertical(id="step-pane"):
                yield Lines(id="step-title", classes="pane-title")
                with VerticalScroll(id="step-scroll"):
                    yield Lines(id="step-lines")
            patterns = self.session.state.plan.target.smoke.error_patterns
            yield LogPane(self._secrets, patterns, self._keys, id="log-pane")
            with Vertical(id="vitals-pane"):
                yield Lines(id="vitals-title", classes="pane-title")
                yield Lines(id="vitals-lines")
        yield Lines(id="notice")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """Begin to follow the run."""
        self._is_composed = True
        self.query_one(StepList).focus()
        self.query_one(CountdownPanel).display = False
        self.query_one("#vitals-title", Lines).show(line(("Machine and processes", Tone.STRONG)))
        self.show_run()
        self._pace.begin()

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self.call_after_refresh(self.show_run)

    def _look(self) -> bool:
        self._poll()
        return self.session.state.running is not None or self.desk.waiting is not None

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
            if (notice := notice_for(entry.event, self.session.actor, self._keys)) is not None:
                self.say(notice)

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
        # As soon as its parts are there: the first paint would be an empty one, and be sent all the same.
        if not self._is_composed:
            return
        state, now = self.session.state, self.session.clock.now()
        self._shown_at = now
        width, actor, may_act = self.size.width, self.session.actor, self.desk.may_act
        calendar = self._calendar.now() if width >= WIDE else None
        *header, running = header_lines(
            state, actor, now, width, may_act=may_act, calendar=calendar, keys=self._keys
        )
        self.query_one("#header", Lines).show(*header)
        self.query_one("#running", Lines).show(running)
        panel = self.query_one(CountdownPanel)
        view = countdown_view(state, now)
        notes = countdown_notes(state, now, width, self._note_rows, keys=self._keys)
        panel.show(view, notes, narrow=width < NARROW)
        self.set_class(view is not None, "-counting")
        self._vitals.show(state, now, counting=view is not None, all_panes=not self._view)
        self.query_one(StepList).show(step_rows(state, now))
        self._show_step(state)
        self._show_keys()
        self._show_waiting()
        for screen in self.app.screen_stack:
            if isinstance(screen, MonitorScreen):
                screen.show_watch()
        if not state.phase.is_open and not self._summarised and self.is_current:
            self._summarised = True
            if isinstance(self.app.screen, MonitorScreen):
                self.app.pop_screen()
            self.app.push_screen(
                SheetScreen(summary_title(state), summary_lines(state), self._keys, leaves_app=True)
            )

    @property
    def _note_rows(self) -> int:
        """How many lines may stand below the countdown's clocks."""
        height = self.size.height
        return 2 if height < 20 else 3 if height < 30 else 6

    def _show_step(self, state: RunState) -> None:
        step = state.steps.get(self.query_one(StepList).selected or "")
        if step is None:
            return
        self.query_one("#step-title", Lines).show(detail_title(state, step, self._shown_at))
        seen = self._watched.table(state) if step is state.waiting_step else ()
        issues, errors = self._issues(state, step), self._last_errors.of(state, step)
        lines = detail_lines(state, step, issues, seen, self._keys, errors)
        self.query_one("#step-lines", Lines).show(*lines, layout=True)
        attempt = self._attempt_in_view(state, step)
        # What handrail itself watches writes no log: its verdicts get the room.
        self.set_class(attempt is None and step.planned.watch_for is not None, "-no-log")
        path = self._log_path(state.run, attempt.number) if attempt else None
        self.query_one(LogPane).show(state, attempt, path, place_of(state, attempt), step)

    def _attempt_in_view(self, state: RunState, step: StepState) -> AttemptState | None:
        following = self.query_one(StepList).following
        return attempt_in_view(state, step, self._asked_attempt, following=following)

    def _show_keys(self) -> None:
        state, actor, may_act = self.session.state, self.session.actor, self.desk.may_act
        away = not self.query_one(StepList).following or bool(self._asked_attempt)
        seen = (state.seq, self.size.width, may_act, away)
        if seen != self._keys_of:
            # What is open follows from the events: to work it out each second would cost most of a rest.
            self._keys_of = seen
            keys = key_lines(state, actor, self.size.width, may_act=may_act, keys=self._keys, looks_away=away)
            self.query_one("#keys", Lines).show(*keys)

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

    def on_row_list_selected(self) -> None:
        """Show the step that is looked at, with its newest attempt."""
        self._asked_attempt = 0
        self.query_one("#step-scroll", VerticalScroll).scroll_home(animate=False)
        self._show_step(self.session.state)
        self._show_keys()

    def on_log_pane_said(self, event: LogPane.Said) -> None:
        """Say what the log has to say."""
        self.say(event.words)

    def on_log_pane_attempt_asked(self, event: LogPane.AttemptAsked) -> None:
        """Show the log of the step's next attempt, or of the one before."""
        state = self.session.state
        step = state.steps.get(self.query_one(StepList).selected or "")
        attempt = self._attempt_in_view(state, step) if step is not None else None
        asked = attempt_asked(state, attempt, event.by)
        if isinstance(asked, str):
            self.say(line((asked, Tone.WARN)))
            return
        self._asked_attempt = asked
        self.say(())
        self._show_step(state)
        self._show_keys()

    def action_act(self, name: str) -> None:
        """Do one action, or say why it can't be done now."""
        self.act(name, self.say)

    def act(self, name: str, say: Callable[[Line], None]) -> None:
        """The same for a screen above this one, which says it itself."""
        action = BY_NAME[name]
        if why := self.desk.why_blocked(action):
            say(line((f"{label(action, self.session.state)}: ", Tone.WARN), why))
        elif action.asks is Asks.TARGET:
            screen = OtherWayScreen if action.name == "other_way" else RollbackScreen
            self.app.push_screen(screen(self.desk))
        elif action.asks is not Asks.NOTHING:
            self.app.push_screen(PromptScreen(action, self.desk, self._drafts, self._keys))
        elif why := self.desk.send(action.make(self.session.state, ""), self._answered):
            say(line((clean_line(why), Tone.WARN)))

    def _answered(self, reason: str) -> None:
        self.say(line((clean_line(reason), Tone.BAD)) if reason else ())

    def action_monitor(self) -> None:
        """Every signal with its chart."""
        self.app.push_screen(MonitorScreen(self.desk, self._watched, self.act, self._keys))

    def action_help(self) -> None:
        """Every key, and why the blocked ones are blocked."""
        session = self.session
        lines = help_lines(session.state, session.actor, may_act=self.desk.may_act, keys=self._keys)
        self.app.push_screen(SheetScreen(line(("Keys of this screen", Tone.STRONG)), lines, self._keys))

    def action_focus_log(self) -> None:
        """Give the keys to the log, at once: the next one may be typed already. It is shown if it wasn't."""
        if self.has_class("-no-log") and VIEWS[self._view] != "-only-log":
            monitor = self._keys.shown("monitor", "m")
            self.say(line((f"What is watched writes no log: {monitor} shows its signals.", Tone.WARN)))
        elif VIEWS[self._view] in LOG_HIDDEN:
            self._show_view(VIEWS.index("-only-log"))
        else:
            self.set_focus(self.query_one(LogView))

    def action_follow_log(self) -> None:
        """Follow the log's end, or stop."""
        self.query_one(LogView).toggle_following()

    def action_follow_step(self) -> None:
        """Back to the current step and its newest attempt, and follow both."""
        steps = self.query_one(StepList)
        steps.focus()
        steps.follow()
        self._asked_attempt = 0
        self.show_run()

    def action_view(self) -> None:
        """One pane alone, the next one, then all again."""
        self._show_view((self._view + 1) % len(VIEWS))

    def _show_view(self, view: int) -> None:
        self.remove_class(*VIEWS[1:])
        self._view = view
        if VIEWS[self._view]:
            self.add_class(VIEWS[self._view])
        focus = ("#steps", "#steps", "#step-scroll", "#log")[self._view]
        self.query_one(focus).focus()
        self.show_run()

    def palette(self) -> Iterable[SystemCommand]:
        """Every action, for the command palette."""
        for action in ACTIONS:
            yield SystemCommand(
                label(action, self.session.state),
                f"{action.help} ({self._keys.shown(action.name, action.shown_key)})",
                lambda name=action.name: self.action_act(name),
            )
        yield SystemCommand("Keys", "Every key of this screen", self.action_help)
        key = self._keys.shown("monitor", "m")
        words = f"Every signal with its chart, and the watch ({key})"
        yield SystemCommand("Monitor", words, self.action_monitor)
        yield SystemCommand("Log", "Give the keys to the log", self.action_focus_log)
        yield SystemCommand("Follow log", "Follow the log's end, or stop", self.action_follow_log)
        yield from self.query_one(LogPane).palette()
        yield SystemCommand("View", "Show one pane alone, the next one, all", self.action_view)
        yield SystemCommand("Current step", "Back to the current step", self.action_follow_step)
