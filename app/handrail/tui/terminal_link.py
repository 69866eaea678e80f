"""The way to the terminal: what is written to it is counted, and it can be asked whether all has arrived."""

from __future__ import annotations

import os
import sys
import threading
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from textual import events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from handrail.terminals import in_gnu_screen
from handrail.tui.keyboard_wait import KeyboardWait
from handrail.tui.pacing import Pace
from handrail.tui.pasting import Pasted, PasteReader, Typed
from handrail.tui.terminal_answers import AnswerReader

ASK = "\x1b[6n"
LAST_ANSWER_SECONDS = 1.0
MOUSE_VARIABLE = "HANDRAIL_MOUSE"
_BELL = "\a"


def answers_for_its_terminal(environment: Mapping[str, str]) -> bool:
    """Whether something on this side of the link answers, so that its answers tell nothing of the link."""
    return bool(environment.get("TMUX") or environment.get("STY"))


def wants_mouse(environment: Mapping[str, str]) -> bool:
    """Whether the mouse is to be followed: each of its moves costs some 200 bytes on the link.

    GNU screen (4.9) keeps an escape back until the next key while a program follows the mouse.
    """
    said = environment.get(MOUSE_VARIABLE, "").strip().lower()
    if not said:
        return not in_gnu_screen(environment)
    return said not in ("off", "no", "0", "false")


class TerminalLink(Protocol):
    """What paces a widget's repaints."""

    written_bytes: int

    def ask(self, on_answer: Callable[[], object]) -> None:
        """Ask whether all has arrived; `on_answer` is called by another thread."""
        ...


class TerminalDriver(LinuxDriver):
    """Textual's driver, with a count of bytes, and with questions whose answers are never keys.

    What is pasted is taken out of what is typed before Textual looks for keys in it: it takes an escape
    sequence within a paste for keys, and each character of one without marks.

    While the terminal belongs to another program, nothing is written but the bell.
    """

    def __init__(self, app: Any, **arguments: Any) -> None:
        super().__init__(app, **arguments)
        # Textual writes to standard error. `handrail … 2>errors` would leave the terminal empty.
        self._file = sys.__stdout__
        self.written_bytes = 0
        self._answers = AnswerReader()
        self._waiting: deque[Callable[[], object]] = deque()
        self._lock = threading.Lock()
        self._all_answered = threading.Event()
        self._ever_answered = False
        self._lent = False
        self.times_taken = 0
        self._keyboard = KeyboardWait(self.fileno)
        self.is_answered_here = answers_for_its_terminal(os.environ)

    def write(self, data: str) -> None:
        """Write to the terminal."""
        if self._lent:
            if data == _BELL and self._file is not None:
                self._file.write(data)
                self._file.flush()
            return
        self.written_bytes += len(data.encode("utf-8", "replace"))
        super().write(data)

    def ask(self, on_answer: Callable[[], object]) -> None:
        """Ask for the cursor's position behind all that was written so far."""
        if self._lent:
            on_answer()
            return
        with self._lock:
            self._waiting.append(on_answer)
            self._answers.expected += 1
            self._all_answered.clear()
        self.write(ASK)

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self._lent = False
        self.times_taken += 1
        with self._lock:
            lost = list(self._waiting)
            self._waiting.clear()
            self._answers = AnswerReader()
        for on_answer in lost:
            on_answer()  # it went to the program to which the terminal was lent, if it came at all
        super().start_application_mode()  # type: ignore[no-untyped-call]
        # In the background there is none to take: what is written meanwhile waits for it, and the app too.
        self._lent = not self._has_terminal

    @property
    def _has_terminal(self) -> bool:
        return self._key_thread is not None and self._key_thread.is_alive()

    def _sigcont_application(self, *_: object) -> None:
        """Continued: not in the midst of whatever was interrupted, which may hold what is needed for it."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._take_again)

    def _take_again(self) -> None:
        """Take the terminal again; where it was stopped unasked, leave first: nothing begins twice."""
        if not self._auto_restart:
            return
        if self._has_terminal:
            self.suspend_application_mode()
            self._must_signal_resume = True
        self.resume_application_mode()

    def stop_application_mode(self) -> None:
        """Give the terminal back, after the last answer: whoever reads it next must not get it as keys."""
        with self._lock:
            outstanding = bool(self._waiting) and self._ever_answered
        if outstanding and self._key_thread is not None and self._key_thread.is_alive():
            self._all_answered.wait(LAST_ANSWER_SECONDS)
        super().stop_application_mode()

    def suspend_application_mode(self) -> None:
        """Lend the terminal to another program."""
        super().suspend_application_mode()
        self._lent = True

    def disable_input(self) -> None:
        """Take no more keys. Who reads them may wait for one without end, and looks again from here on."""
        self._keyboard.wake()
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read what the terminal sends until the terminal is given back."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        pastes = PasteReader()
        while not self.exit_event.is_set():
            self._take_in(parser, pastes, decode, self._keyboard.is_readable())
        self._take_in(parser, pastes, decode, self._keyboard.is_readable())
        try:
            for _ in parser.feed(""):
                pass
        except (EOFError, ParseError):
            pass

    def _take_in(
        self, parser: XTermParser, pastes: PasteReader, decode: Callable[[bytes], str], readable: bool
    ) -> None:
        if readable:
            # A terminal that is gone reads as empty.
            text = decode(os.read(self.fileno, 4096))
            with self._lock:
                text, count = self._answers.read(text)
                answered = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
                if count:
                    self._ever_answered = True
                if not self._waiting:
                    self._all_answered.set()
            for on_answer in answered:
                on_answer()
            if text:
                self._hand_on(parser, pastes.read(text))
        else:
            self._hand_on(parser, pastes.quiet())
        for event in parser.tick():
            self.process_message(event)

    def _hand_on(self, parser: XTermParser, came: Iterable[Typed | Pasted]) -> None:
        for piece in came:
            if isinstance(piece, Pasted):
                self.process_message(events.Paste(piece.text))
                continue
            for event in parser.feed(piece.text):
                self.process_message(event)


def link_of(app: App[Any]) -> TerminalLink | None:
    """The app's way to its terminal; `None` where it has none, or one that can't be asked."""
    driver = app._driver
    return driver if isinstance(driver, TerminalDriver) else None


def pace_of(app: App[Any]) -> Pace:
    """What paces the repaints at this terminal."""
    driver = app._driver
    asks = isinstance(driver, TerminalDriver) and not driver.is_answered_here
    return Pace.ANSWERS if asks else Pace.BUDGET
