"""What stands around every screen: its frame, its colours, the hint line, the bell and the title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.command import CommandPalette
from textual.content import Content
from textual.filter import LineFilter
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from handrail.configuration.model import HIGH_CONTRAST, PLAIN_16, LoadedConfiguration
from handrail.project.model import Target
from handrail.tui.colours import NoColour, SixteenColours
from handrail.tui.frame import frame
from handrail.tui.hints import Hints
from handrail.tui.presenters.attention import Attention, title_text
from handrail.tui.presenters.hint import hint_line, settings_line
from handrail.tui.presenters.line import Line
from handrail.tui.screens.choosing import ChoosingScreen
from handrail.tui.screens.monitor import MonitorScreen
from handrail.tui.screens.rollback import RollbackScreen
from handrail.tui.screens.run import RunScreen
from handrail.tui.screens.start import StartScreen
from handrail.tui.terminal_title import TerminalTitle
from handrail.tui.widgets.hint_line import HintLine

if TYPE_CHECKING:
    from handrail.tui.app import HandrailApp

LOOK_SECONDS = 1.0
CHOOSING_TITLE = "handrail"


class Surround:
    """One for each app. Screens know nothing of it, so that none can forget it."""

    def __init__(
        self, app: HandrailApp, loaded: LoadedConfiguration, hints: Hints, environment: Mapping[str, str]
    ) -> None:
        self._app = app
        self._loaded = loaded
        self._hints = hints
        self._no_colour: LineFilter | None = NoColour() if environment.get("NO_COLOR") else None
        self._sixteen = SixteenColours()
        self._environment = environment
        self._hidden = False
        self._attention: dict[str, Attention] = {}
        self._title = TerminalTitle(environment, wanted=loaded.settings.title)

    @property
    def first_theme(self) -> str:
        """The theme to begin with. Without colours it is the one whose shades are told apart best."""
        return HIGH_CONTRAST if self._no_colour else self._loaded.settings.theme_for(self._environment)

    def line_filters(self, backstop: LineFilter, usual: Sequence[LineFilter]) -> list[LineFilter]:
        """What every line goes through on its way to the terminal."""
        if self._no_colour is not None:
            return [backstop, self._no_colour]
        if self._app.theme == PLAIN_16:
            return [backstop, self._sixteen]
        return [backstop, *usual]

    def begin(self) -> None:
        """Look once a second what is to be said to a terminal that nobody looks at."""
        self._app.set_interval(LOOK_SECONDS, self.look)
        self.look()

    def prepare(self, screen: Screen[Any]) -> None:
        """Give a screen its frame and the hint line, before it is shown."""
        if isinstance(screen, CommandPalette):
            screen.call_later(_still_cursor, screen)
        if isinstance(screen, ModalScreen):
            # What it lies over stays in view, with its frame.
            return
        names = isinstance(screen, RunScreen | MonitorScreen | StartScreen | RollbackScreen)
        frame(screen, self._target_of(screen), names_its_target=names)
        if isinstance(screen, ChoosingScreen):
            screen.border_title = Content(f" {screen.frame_words} ")
        if isinstance(screen, RunScreen | MonitorScreen | StartScreen | ChoosingScreen) and self._hint(80):
            screen.call_later(self._mount_hint, screen)

    def _target_of(self, screen: Screen[Any]) -> Target | None:
        """The target that a screen is about: its own, else that of the screen under it."""
        for each in (screen, *reversed(self._app.screen_stack if self._app.is_running else [])):
            if isinstance(each, RunScreen):
                return each.session.state.plan.target
            target = getattr(each, "target", None)
            if isinstance(target, Target):
                return target
        return None

    def _mount_hint(self, screen: Screen[Any]) -> None:
        if self._hint(80) and not screen.query(HintLine):
            on_run = isinstance(screen, RunScreen)
            screen.mount(HintLine(lambda width: self._hint(width, on_run=on_run)))

    def _hint(self, width: int, *, on_run: bool = False) -> Line:
        keys = self._app.keys
        if self._hidden:
            return ()
        if self._loaded.problems:
            return settings_line(self._loaded.problems, keys, width)
        if self._hints.dismissed or not self._loaded.settings.hints:
            return ()
        return hint_line(keys, width, on_run=on_run)

    def hide_hint(self) -> None:
        """Take the line away: hints for good, what is wrong in the settings until the next start."""
        if not self._hint(80):
            return
        if not self._loaded.problems and (why := self._hints.dismiss()):
            self._app.notify(why, severity="warning", markup=False)
        self._hidden = True
        for screen in self._app.screen_stack:
            screen.query(HintLine).remove()

    def look(self) -> None:
        """Ring for what is new and needs a person; say in the title what changed; keep the frame right."""
        screen = self._app.run_screen
        top = self._app.screen
        if isinstance(top, ChoosingScreen):
            self.reframe(top)
        if screen is None:
            self._title.say(CHOOSING_TITLE, self._app)
            return
        state = screen.session.state
        now = screen.session.clock.now()
        if self._attention.setdefault(state.run, Attention()).rings(state, now):
            self._app.bell()
        self._title.say(title_text(state, now), self._app)

    def end(self) -> None:
        """Give the terminal its own title back."""
        self._title.give_back(self._app)

    def come_back(self) -> None:
        """Say the title again: whatever had the terminal may have left its own."""
        self._title.forget()
        self.look()

    def reframe(self, screen: ChoosingScreen) -> None:
        """The list's frame says what the chosen row is about; it is there anyway, so nothing moves."""
        target = screen.target
        frame(screen, target, names_its_target=False)
        if target is None or not target.production:
            screen.border_title = Content(f" {screen.frame_words} ")


def _still_cursor(palette: CommandPalette) -> None:
    """Let its cursor stand still, as those of our own fields do (`widgets/field.py`)."""
    for field in palette.query(Input):
        field.cursor_blink = False
