"""The terminal program: it composes screens, and leaves the run alone when it goes."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.actions import ActionParseResult
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from handrail.configuration.actions import Keys
from handrail.configuration.model import Configuration, LoadedConfiguration
from handrail.errors import ExitCode
from handrail.journal.session import RunSession
from handrail.project.secret import secrets_of
from handrail.tui.blanks import blanks_of
from handrail.tui.choosing import Attached, Choosing
from handrail.tui.clipboard import clipboard_sequence
from handrail.tui.colours import OWN_THEMES
from handrail.tui.frame import FRAME_CSS
from handrail.tui.hints import Hints, NoHints
from handrail.tui.issues import IssuesOf, no_issues
from handrail.tui.keys import KEY_ACTIONS
from handrail.tui.narrow_compositor import NarrowCompositor
from handrail.tui.opening import Opening
from handrail.tui.presenters.line import Tone, line
from handrail.tui.screens.choosing import ChoosingScreen
from handrail.tui.screens.monitor import MonitorScreen
from handrail.tui.screens.run import RunScreen
from handrail.tui.screens.start import StartScreen
from handrail.tui.shown_cells import CellsUpdate, ShownCells
from handrail.tui.surround import Surround
from handrail.tui.terminal_link import TerminalDriver
from handrail.tui.typing_order import TypedInOrder
from handrail.tui.widgets.painting import Backstop

REST_SECONDS = 0.1
_log = logging.getLogger("handrail.tui")


class HandrailApp(App[int]):
    """Shows one run, the question whether to open one, or all that there is to choose from.

    `log_path` gives the log file of a run's attempt. `run` returns the exit code. A hang-up is left to
    its default, which ends this process at once: nothing of the run hangs from it. `surround` is what stands
    around every screen: frame, colours, hint, bell and title.
    """

    TITLE = "handrail"
    ENABLE_COMMAND_PALETTE = True
    NOTIFICATION_TIMEOUT = 5
    CSS = FRAME_CSS
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-short"), (20, "-tall")]  # noqa: RUF012  Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+q", "leave_all", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
        Binding("ctrl+l", "repaint", show=False, priority=True),
        Binding("H", "hide_hint", show=False, id="hide_hint"),
    ]

    def __init__(
        self,
        *,
        session: RunSession | None = None,
        opening: Opening | None = None,
        choosing: Choosing | None = None,
        log_path: Callable[[str, int], Path],
        secrets: Sequence[str] = (),
        may_act: bool = True,
        issues: IssuesOf = no_issues,
        configuration: LoadedConfiguration | None = None,
        hints: Hints | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(driver_class=TerminalDriver)
        if sum(each is not None for each in (session, opening, choosing)) != 1:
            raise ValueError("either a session, an opening, or what to choose from")
        self._session = session
        self._opening = opening
        self._choosing = choosing
        self._log_path = log_path
        self._may_act = may_act
        self._issues = issues
        self._interrupted = False
        self._is_ready = False
        self._resized: Timer | None = None
        self._environment = dict(environment or {})
        self._shown = ShownCells(blanks_of(self._environment))
        self._typed = TypedInOrder(self, super().on_event)
        self._terminal_taken = 0
        self._backstop = Backstop(secrets)
        loaded = configuration or LoadedConfiguration(Path("config.toml"), Configuration())
        self.settings = loaded.settings
        self.keys = Keys(KEY_ACTIONS, loaded.settings.keys)
        self.set_keymap(self.keys.keymap())
        # An animated page-up costs a hundred times the bytes, and the link may be bad.
        self.animation_level = "none"
        for own in OWN_THEMES:
            self.register_theme(own)
        self.surround = Surround(self, loaded, hints or NoHints(), self._environment)
        self.theme = self.surround.first_theme

    def on_mount(self) -> None:
        """Show the run, what it would be, or what there is to choose from."""
        if self._session is not None:
            self.show_run(self._session)
        elif self._opening is not None:
            self.show_start(self._opening)
        elif self._choosing is not None:
            screen = ChoosingScreen(
                self._choosing,
                self.keys,
                start=self.show_start,
                follow=self.show_attached,
                chosen=self.surround.look,
            )
            self.push_screen(screen)
        self.surround.begin()
        self.app_suspend_signal.subscribe(self, lambda _: self.surround.end())
        self.app_resume_signal.subscribe(self, lambda _: self.surround.come_back())

    def on_resize(self) -> None:
        """Repaint all once the terminal rests: it may have lost what was written while it was another size.

        Textual repaints all only where it finds another size than before, and of two changes at once, or of a
        terminal that another program had, it finds none.
        """
        self._shown.forget()
        if not self._is_ready:
            return
        if self._resized is not None:
            self._resized.stop()
        self._resized = self.set_timer(REST_SECONDS, self.action_repaint)

    def on_ready(self) -> None:
        """What a start made stays for good: looking through it again and again holds up a key for 0.1 s."""
        gc.freeze()
        gc.enable()
        self._is_ready = True

    def on_unmount(self) -> None:
        """Give the terminal its own title back."""
        self._typed.stop()
        self.surround.end()

    async def on_event(self, event: events.Event) -> None:
        """As Textual, but what is typed only once what was typed before it has been done."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._typed.take(event)
        else:
            await super().on_event(event)

    def show_start(self, opening: Opening) -> None:
        """Ask whether to open a run."""
        self._backstop.also_mask(secrets_of(opening.target))
        self.push_screen(StartScreen(opening, self._opened, self.keys))

    def _opened(self, session: RunSession) -> None:
        self.show_run(session)

    def show_attached(self, attached: Attached) -> None:
        """Follow a run that was come to from the list."""
        self.show_run(attached.session, may_act=attached.may_act, told=attached.told)
        if attached.said and (screen := self.run_screen) is not None:
            words = line((" ".join(attached.said), Tone.WARN))
            screen.call_after_refresh(screen.say, words)

    def show_run(self, session: RunSession, *, may_act: bool | None = None, told: bool = False) -> None:
        """Follow a run from here on; `told` where what it came to was shown before."""
        self._session = session
        self._backstop.also_mask(secrets_of(session.state.plan.target))
        screen = RunScreen(
            session,
            self._log_path,
            secrets=self._backstop.secrets,
            may_act=self._may_act if may_act is None else may_act,
            issues=self._issues,
            keys=self.keys,
            told=told,
        )
        self.push_screen(screen)

    @property
    def run_screen(self) -> RunScreen | None:
        """The screen of the run, wherever it lies in the stack."""
        return next((screen for screen in self.screen_stack if isinstance(screen, RunScreen)), None)

    def push_screen(self, screen: Any, *arguments: Any, **named: Any) -> Any:
        """Show a screen over this one, with what stands around every screen."""
        if isinstance(screen, Screen):
            screen._compositor = NarrowCompositor()
            self.surround.prepare(screen)
        return super().push_screen(screen, *arguments, **named)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The backstop, and behind it Textual's own filters, or those of a terminal with few colours."""
        return self.surround.line_filters(self._backstop, super().get_line_filters())

    def bell(self) -> None:
        """Ring, unless the person has turned that off."""
        if self.settings.bell:
            super().bell()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers: every action of the run, and how to leave."""
        if isinstance(screen, RunScreen | MonitorScreen | ChoosingScreen | StartScreen):
            yield from screen.palette()
        yield SystemCommand("Detach", "Leave; the run goes on", self.action_detach)
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def action_detach(self) -> None:
        """Leave this screen: for the list, where one came from it and nothing here waits for them.

        Who drives an open run leaves the program. An open run goes on, and can be attached to again.
        """
        screen = self.run_screen
        drives = screen is not None and screen.session.state.phase.is_open and screen.session.is_operator
        if self._choosing is not None and not drives and not isinstance(self.screen, ChoosingScreen):
            self._session = None
            self.run_worker(self._back_to_list(), exclusive=True, group="back")
        else:
            self.action_leave_all()

    async def _back_to_list(self) -> None:
        while len(self.screen_stack) > 1 and not isinstance(self.screen, ChoosingScreen):
            await self.pop_screen()

    def action_leave_all(self) -> None:
        """Leave the program."""
        screen = self.run_screen
        if screen is None:
            self.exit(ExitCode.FINISHED)
        elif screen.session.state.phase.is_open:
            again = f"Detached. The run goes on: handrail attach {screen.session.run}"
            self.exit(screen.exit_code, message=again)
        else:
            self.exit(screen.exit_code)

    def action_hide_hint(self) -> None:
        """Be rid of the line at the bottom: for good, or, of settings that are wrong, for now."""
        self.surround.hide_hint()

    def action_interrupt(self) -> None:
        """Ctrl+C never harms the run; pressed twice it leaves."""
        if self._interrupted:
            self.action_leave_all()
            return
        self._interrupted = True
        self.set_timer(3, self._forget_interrupt)
        if isinstance(self.screen, RunScreen):
            leave = self.keys.shown("leave")
            said = f"Ctrl+C stops nothing. Once more, or {leave}, detaches: the run goes on."
            self.screen.say(line((said, Tone.WARN)))
        else:
            self.bell()

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key asks for, unless the screen that got it is closing: the parts it acts on are gone.

        Two keys arrive at once on a bad link, and the first may have been the way back.
        """
        if isinstance(default_namespace, Widget):
            ancestors = default_namespace.ancestors_with_self
            if not any(each in self.screen_stack for each in ancestors if isinstance(each, Screen)):
                return False
        return await super().run_action(action, default_namespace, namespaces)

    def on_paste(self) -> None:
        """What reaches no field does nothing; whoever pasted it must not think that it did."""
        if isinstance(self.screen, RunScreen | MonitorScreen):
            words = "What was pasted did nothing: only a field takes it, and no letter of it was a key."
            self.screen.say(line((words, Tone.WARN)))
        else:
            self.bell()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text to the clipboard of the terminal, which may ignore it."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard_sequence(text, self._environment))

    def action_repaint(self) -> None:
        """Write all of the screen again, whatever the terminal shows."""
        self._shown.forget()
        self.refresh()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Write of an update only what the terminal doesn't show yet."""
        if isinstance(renderable, LayoutUpdate | ChopsUpdate) and self._writes:
            taken = self._driver.times_taken if isinstance(self._driver, TerminalDriver) else 0
            if taken != self._terminal_taken:
                self._terminal_taken = taken
                self._shown.forget()
            cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
            renderable = self._shown.changed(renderable)
            if renderable is None and cursor != self._previous_cursor_position:
                renderable = CellsUpdate(())
        super()._display(screen, renderable)

    @property
    def _writes(self) -> bool:
        """Whether what is displayed now goes to the terminal."""
        is_up = self._running and not self._closed and self._driver is not None
        return is_up and not self.is_headless and not self._batch_count

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
