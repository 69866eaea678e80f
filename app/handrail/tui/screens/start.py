"""Before a run: the target, the parameters, and the plan with every exact command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from handrail.configuration.actions import Keys
from handrail.errors import HandrailError
from handrail.journal.session import RunSession
from handrail.project.calendar import Calendar, calendar_of
from handrail.project.model import Target
from handrail.run.plan import Plan
from handrail.text import clean_line
from handrail.tui.earlier import LastRun, UsualRun
from handrail.tui.looking import GateLook
from handrail.tui.opening import Opening
from handrail.tui.presenters.before import changes_line, changes_lines, gates_line, gates_lines
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.start import (
    error_lines,
    parameter_label,
    plan_detail,
    plan_rows,
    plan_title,
    start_header,
    start_help,
    start_keys,
    window_line,
)
from handrail.tui.screens.gates import GatesSheet
from handrail.tui.screens.sheet import SheetScreen
from handrail.tui.widgets.field import Field
from handrail.tui.widgets.lines import Lines
from handrail.tui.widgets.step_list import StepList

PREVIEW_AFTER_SECONDS = 0.25
WINDOW_EVERY_SECONDS = 15.0
LOOK_SECONDS = 0.25


class StartScreen(Screen[None]):
    """Parameters are checked as they are typed; nothing is opened before it is asked for."""

    CSS_PATH = "start.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012  Textual declares it so
        (0, "-narrow"),
        (60, "-normal"),
        (120, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "Start", show=False, priority=True, id="open_run_now"),
        Binding("enter,r", "start", "Start", show=False, id="open_run"),
        Binding("q", "app.detach", "Leave", show=False, id="leave"),
        Binding("escape", "app.detach", "Leave", show=False),
        Binding("c", "checks", "Checks", show=False, id="checks"),
        Binding("a", "look_again", "Look again", show=False, id="look_again"),
        Binding("d", "changes", "Differences", show=False, id="changes"),
        Binding("question_mark", "help", "Keys", show=False, id="help"),
    ]

    def __init__(self, opening: Opening, opened: Callable[[RunSession], None], keys: Keys) -> None:
        super().__init__()
        self._keys = keys
        self._looks = opening.gates()
        self._last: LastRun | None = None
        self._usual: UsualRun | None = None
        self._second = -1
        self._opening = opening
        self._opened = opened
        self._plan: Plan | None = None
        self._commands: dict[str, list[str]] = {}
        self._preview_timer: Timer | None = None
        self._starting = False
        self._previewed: dict[str, str] | None = None
        self._calendar: Calendar | None = None

    @property
    def target(self) -> Target:
        """What would be deployed to."""
        return self._opening.target

    @property
    def values(self) -> dict[str, str]:
        """The parameters as they are typed now."""
        fields = self.query(".parameter").results(Input)
        return {**self._opening.given, **{str(field.name): field.value for field in fields}}

    def compose(self) -> ComposeResult:
        """The target, a field for each parameter, the plan, and what is wrong."""
        parameters = self._opening.runbook.front_matter.parameters
        yield Lines(id="start-header")
        if parameters:
            with VerticalScroll(id="parameters", can_focus=False):
                for name, parameter in parameters.items():
                    yield Lines(id=f"label-{name}", classes="parameter-label")
                    value = self._opening.given.get(name, parameter.default or "")
                    yield Field(value=value, name=name, classes="parameter", compact=True, max_length=2000)
        yield Lines(id="window")
        yield Lines(id="gates")
        yield Lines(id="changes")
        yield Lines(id="plan-title")
        with Container(id="start-body"):
            yield StepList(id="plan")
            with Vertical(id="commands-pane"), VerticalScroll(id="commands-scroll"):
                yield Lines(id="commands")
        yield Lines(id="start-error")
        yield Lines(id="start-keys")

    def on_mount(self) -> None:
        """Check and preview what is given already; begin at the first field that needs something."""
        opening = self._opening
        self.query_one("#start-header", Lines).show(*start_header(opening.target, opening.runbook))
        self._preview()
        if opening.target.deployment_window is not None:
            self.run_worker(self._read_calendar, thread=True)
            self.set_interval(WINDOW_EVERY_SECONDS, self._show_window)
        if self._looks is not None:
            self.set_interval(LOOK_SECONDS, self._follow_looks)
        fields = list(self.query(".parameter").results(Input))
        wrong = opening.problems(self.values)
        first = next((field for field in fields if field.name in wrong), fields[0] if fields else None)
        (first or self.query_one(StepList)).focus()

    def _read_calendar(self) -> None:
        """In a thread of its own: the library of holidays takes a second to load."""
        if (window := self._opening.target.deployment_window) is not None:
            self._calendar = calendar_of(window)
            self.app.call_from_thread(self._show_window)

    def _show_window(self) -> None:
        words = window_line(self._plan, self._opening.now(), self._calendar, self.size.width)
        shown = self.query_one("#window", Lines)
        shown.display = bool(words)
        shown.show(words, layout=True)

    def on_descendant_focus(self) -> None:
        """Show the keys of what has the focus."""
        self._show_keys()

    def _show_keys(self) -> None:
        typing = isinstance(self.focused, Input)
        self.query_one("#start-keys", Lines).show(
            start_keys(self.size.width, self._keys, typing=typing, ready=self._plan is not None)
        )

    def on_input_changed(self) -> None:
        """Check at once; plan again when typing pauses."""
        self._check()
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = self.set_timer(PREVIEW_AFTER_SECONDS, self._preview)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """On to the next field, and from the last one to the plan."""
        event.stop()
        fields = list(self.query(".parameter").results(Input))
        place = fields.index(event.input) + 1
        (fields[place] if place < len(fields) else self.query_one(StepList)).focus()

    def _check(self) -> dict[str, str]:
        wrong = self._opening.problems(self.values)
        for name, parameter in self._opening.runbook.front_matter.parameters.items():
            self.query_one(f"#label-{name}", Lines).show(
                parameter_label(name, parameter, wrong.get(name)), layout=True
            )
        return wrong

    def _preview(self) -> None:
        if self.values == self._previewed:
            return  # a refusal that stands below must not be wiped away
        self._previewed = self.values
        self.remove_class("-refused")
        if self._check():
            self._plan = None
            self._say(line(("Correct the parameters above to see the plan.", Tone.WARN)))
        else:
            try:
                self._plan = self._opening.preview(self.values)
                self._commands = self._opening.commands(self._plan)
                self._say()
            except HandrailError as error:
                self._plan = None
                self._say(*error_lines(error))
        if self._plan is not None:
            self._last = self._opening.last_run(self._plan)
            self._usual = self._opening.usual_run(self._plan)
            if self._looks is not None:
                self._looks.begin(self._plan, again=False)
        self._show_title()
        self._show_before()
        self._show_window()
        if self._plan is not None:
            self.query_one(StepList).show(plan_rows(self._plan))
            self._show_commands()
        self._show_keys()

    def on_row_list_selected(self) -> None:
        """Show what the step would run."""
        self.query_one("#commands-scroll", VerticalScroll).scroll_home(animate=False)
        self._show_commands()

    def _show_commands(self) -> None:
        key = self.query_one(StepList).selected
        if self._plan is None or key is None:
            return
        step = next(step for step in self._plan.steps if step.key == key)
        shown = plan_detail(self._plan, step, self._commands.get(key, []), self._findings)
        self.query_one("#commands", Lines).show(*shown, layout=True)

    @property
    def _findings(self) -> Sequence[GateLook]:
        return self._looks.findings if self._looks is not None and self._plan is not None else ()

    def on_resize(self) -> None:
        """Fit the words to the new width."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        if self.is_mounted:
            self._show_title()
            self._show_before()
            self._show_window()
            self._show_keys()

    def _show_title(self) -> None:
        title = plan_title(self._plan, self._usual, self.size.width)
        self.query_one("#plan-title", Lines).show(title)

    def _show_before(self) -> None:
        """What the gates say now, and what was changed since the last run."""
        width, now = self.size.width, self._opening.now()
        gates = gates_line(self._findings, now, self._keys, width)
        changes = changes_line(self._last, now, self._keys, width) if self._plan is not None else ()
        for name, words in (("#gates", gates), ("#changes", changes)):
            shown = self.query_one(name, Lines)
            shown.set_class(not words, "-nothing")
            shown.show(words)

    def _follow_looks(self) -> None:
        if self._looks is None:
            return
        second = int(self._opening.now().boot)
        new = self._looks.poll()
        if new or second != self._second:
            self._second = second
            self._show_before()
        if new:
            self._show_commands()

    def on_unmount(self) -> None:
        """Whatever still looks ends with this screen."""
        if self._looks is not None:
            self._looks.stop()

    def action_look_again(self) -> None:
        """Look at all checks anew."""
        if self._looks is None or self._plan is None:
            self._say(line(("There is no plan yet whose gates could be looked at.", Tone.WARN)))
            return
        self._looks.begin(self._plan, again=True)
        self._show_before()
        self._show_commands()

    def action_checks(self) -> None:
        """What each check of each gate says now."""
        self.app.push_screen(
            GatesSheet(
                lambda: gates_lines(self._findings, self._opening.now()), self.action_look_again, self._keys
            )
        )

    def action_changes(self) -> None:
        """What was changed since the last run of this runbook."""
        title = line(("Changed since the last run", Tone.STRONG))
        self.app.push_screen(SheetScreen(title, changes_lines(self._last), self._keys))

    def action_help(self) -> None:
        """Every key of this screen."""
        title = line(("Keys of this screen", Tone.STRONG))
        self.app.push_screen(SheetScreen(title, start_help(self._keys), self._keys))

    def palette(self) -> Iterable[SystemCommand]:
        """Every action, for the command palette."""
        yield SystemCommand("Open run", "Take the target's lock; no step starts yet", self.action_start)
        yield SystemCommand("Checks", "What each check of each gate says now", self.action_checks)
        yield SystemCommand("Look again", "Look at the checks again", self.action_look_again)
        yield SystemCommand("Differences", "What was changed since the last run", self.action_changes)
        yield SystemCommand("Keys", "Every key of this screen", self.action_help)

    def _say(self, *lines: Line) -> None:
        self.query_one("#start-error", Lines).show(*lines, layout=True)

    def action_start(self) -> None:
        """Open the run; it takes the target's lock and starts no step yet."""
        if self._starting:
            return
        if wrong := self._check():
            name, why = next(iter(wrong.items()))
            self._say(line((f"{clean_line(name)}: {clean_line(why)}", Tone.BAD)))
            return
        self._preview()
        if self._plan is None:
            self.app.bell()
            return
        self._starting = True
        self._say(line(("Opening the run…", Tone.BUSY)))
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        try:
            session = self._opening.open(self.values)
        except HandrailError as error:
            self._starting = False
            self._say(*error_lines(error))
            self.add_class("-refused")
            return
        self._opened(session)
