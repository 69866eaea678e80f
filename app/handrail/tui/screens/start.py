"""Before a run: the target, the parameters, and the plan with every exact command."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from handrail.errors import HandrailError
from handrail.journal.session import RunSession
from handrail.project.calendar import Calendar, calendar_of
from handrail.run.plan import Plan
from handrail.text import clean_line
from handrail.tui.opening import Opening
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.start import (
    error_lines,
    parameter_label,
    plan_detail,
    plan_rows,
    plan_title,
    start_header,
    start_keys,
    window_line,
)
from handrail.tui.widgets.lines import Lines
from handrail.tui.widgets.step_list import StepList

PREVIEW_AFTER_SECONDS = 0.25
WINDOW_EVERY_SECONDS = 15.0


class StartScreen(Screen[None]):
    """Parameters are checked as they are typed; nothing is opened before it is asked for."""

    CSS_PATH = "start.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012  Textual declares it so
        (0, "-narrow"),
        (60, "-normal"),
        (120, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "Start", show=False, priority=True),
        Binding("enter,r", "start", "Start", show=False),
        Binding("q,escape", "app.detach", "Leave", show=False),
    ]

    def __init__(self, opening: Opening, opened: Callable[[RunSession], None]) -> None:
        super().__init__()
        self._opening = opening
        self._opened = opened
        self._plan: Plan | None = None
        self._commands: dict[str, list[str]] = {}
        self._preview_timer: Timer | None = None
        self._starting = False
        self._previewed: dict[str, str] | None = None
        self._calendar: Calendar | None = None

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
                    yield Input(value=value, name=name, classes="parameter", compact=True, max_length=2000)
        yield Lines(id="window")
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
            start_keys(self.size.width, typing=typing, ready=self._plan is not None)
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
        self.query_one("#plan-title", Lines).show(plan_title(self._plan))
        self._show_window()
        if self._plan is not None:
            self.query_one(StepList).show(plan_rows(self._plan))
            self._show_commands()
        self._show_keys()

    def on_step_list_selected(self) -> None:
        """Show what the step would run."""
        self.query_one("#commands-scroll", VerticalScroll).scroll_home(animate=False)
        self._show_commands()

    def _show_commands(self) -> None:
        key = self.query_one(StepList).selected
        if self._plan is None or key is None:
            return
        step = next(step for step in self._plan.steps if step.key == key)
        shown = plan_detail(self._plan, step, self._commands.get(key, []))
        self.query_one("#commands", Lines).show(*shown, layout=True)

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
