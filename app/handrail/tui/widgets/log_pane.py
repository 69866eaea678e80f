"""The log with what stands around it: whose it is, the field to search it, and the keys that it has now."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from handrail.configuration.actions import Keys
from handrail.run.state import AttemptState, RunState, StepState
from handrail.text import clean_line
from handrail.tui.log_copy import CLIPBOARD_BYTES, clipboard_excerpt, for_pager, write_excerpt
from handrail.tui.log_index import LogIndex
from handrail.tui.log_search import LONGEST_PATTERN, LogHunt, Pattern, read_pattern, trouble_pattern
from handrail.tui.pager import choose_pager, interrupts_for_the_pager, show
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.line import Line, Tone, line, shortened
from handrail.tui.presenters.log import log_title
from handrail.tui.presenters.log_keys import BY_NAME, LOG_KEYS, log_hints, own_key
from handrail.tui.widgets.field import Field
from handrail.tui.widgets.lines import Lines
from handrail.tui.widgets.log_view import LogView

_SLICE_SECONDS = 0.1
_TELL_AFTER_SECONDS = 0.7
_SHOWN_WORDS = 40
NO_LOG = "There is no log here yet."


class SearchField(Field):
    """What to look for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False),
        Binding("ctrl+r", "regular", "Regular expression", show=False),
    ]

    @dataclass
    class Left(Message):
        """Nothing is looked for."""

    @dataclass
    class Switched(Message):
        """Words count as a regular expression now, or don't any more."""

    def action_leave(self) -> None:
        """Back to the log."""
        self.post_message(self.Left())

    def action_regular(self) -> None:
        """Exchange plain words and regular expression."""
        self.post_message(self.Switched())


class LogPane(Vertical):
    """The log of one attempt, and all that can be done with it."""

    @dataclass
    class Said(Message):
        """Something for the person to read."""

        words: Line

    @dataclass
    class AttemptAsked(Message):
        """Another attempt of the step is to be shown: the next one, or the one before."""

        by: int

    def __init__(
        self,
        secrets: Sequence[str] = (),
        patterns: Sequence[str] = (),
        keys: Keys = OWN_KEYS,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self._keys = keys
        self._step: StepState | None = None
        self._secrets = tuple(secrets)
        self._patterns = tuple(patterns)
        self._state: RunState | None = None
        self._attempt: AttemptState | None = None
        self._place = (1, 1)
        self._pattern: Pattern | None = None
        self._regular = False
        self._hunt: asyncio.Task[None] | None = None
        self._work: set[asyncio.Task[None]] = set()

    def compose(self) -> ComposeResult:
        """Title, log, and below it the field or the keys."""
        yield Lines(id="log-title", classes="pane-title")
        yield LogView(self._secrets, on_paint=self._show_words, on_search=self._search, id="log")
        yield SearchField(max_length=LONGEST_PATTERN, compact=True, id="log-search")
        yield Lines(id="log-keys")

    def on_mount(self) -> None:
        """Nothing is searched yet."""
        self.query_one(SearchField).display = False

    def on_unmount(self) -> None:
        """Leave nothing running."""
        self._stop_hunting()

    @property
    def view(self) -> LogView:
        """The window onto the file."""
        return self.query_one(LogView)

    def show(
        self,
        state: RunState,
        attempt: AttemptState | None,
        path: Path | None,
        place: tuple[int, int],
        step: StepState,
    ) -> None:
        """Show an attempt's log beside a step; `place`: which of its step's attempts it is, of how many."""
        self._state, self._attempt, self._place, self._step = state, attempt, place, step
        before = self.view.index
        self.view.open(path)
        if self.view.index is not before:
            self._stop_hunting()
        self._show_words()

    def _show_words(self) -> None:
        """Say whose log it is, where in it the view is, and which keys it has."""
        if self._state is None or not self.is_mounted:
            return
        # By what has the focus now, since the messages of its coming and going arrive in any order.
        focused = self.screen.focused
        self.set_class(focused is self.view or isinstance(focused, SearchField), "-active")
        seen = self.view.seen
        title = log_title(self._state, self._attempt, seen, self._place, self._step, keys=self._keys)
        self.query_one("#log-title", Lines).show(title)
        hints = log_hints(seen, self.size.width, self._keys) if focused is self.view else ()
        if self.query_one(SearchField).display:
            kind = "regular expression" if self._regular else "plain words"
            hints = line(
                *(" ", ("enter", Tone.KEY), " Find  ", ("ctrl+r", Tone.KEY), f" {kind.capitalize()}  "),
                *(("esc", Tone.KEY), " Back"),
            )
        self.query_one("#log-keys", Lines).show(hints)

    def on_descendant_focus(self) -> None:
        """Show the keys that the log has."""
        self._show_words()

    def on_descendant_blur(self) -> None:
        """They are somebody else's."""
        self._show_words()

    def do(self, name: str) -> None:
        """Do what one of the log's keys does, from wherever it was asked for."""
        self.call_later(self.view.run_action, BY_NAME[name].action)

    def palette(self) -> list[SystemCommand]:
        """Every action of the log, for the command palette."""
        return [
            SystemCommand(
                f"Log: {each.label.lower()}",
                f"{each.help} ({own_key(each, self._keys)})",
                lambda name=each.name: self.do(name),
            )
            for each in LOG_KEYS
        ]

    def say(self, words: str, tone: Tone = Tone.PLAIN) -> None:
        """Say something for a while."""
        self.post_message(self.Said(line((clean_line(words), tone)) if words else ()))

    def on_log_view_asked(self, event: LogView.Asked) -> None:
        """Do what the view alone can't."""
        event.stop()
        index = self.view.index
        if event.what == "clear":
            self._stop_hunting()
            self.say("")
        elif event.what == "attempt":
            self.post_message(self.AttemptAsked(event.by))
        elif index is None or not index.line_count:
            self.say(NO_LOG, Tone.WARN)
        elif event.what == "match" and self._pattern is None:
            search = own_key(BY_NAME["search"], self._keys)
            self.say(f"Nothing is looked for yet: {search} asks what.", Tone.WARN)
        elif event.what == "match" and self._pattern is not None:
            self._find(index, self._pattern, event.by)
        elif event.what == "trouble":
            self._find(index, trouble_pattern(self._patterns), event.by)
        elif event.what == "copy":
            self._copy(index)
        elif event.what == "copy_to_file":
            self._begin(self._copy_to_file(index))
        elif event.what == "pager":
            self._begin(self._page(index))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _search(self) -> None:
        index = self.view.index
        if index is None or not index.line_count:
            self.say(NO_LOG, Tone.WARN)
        else:
            self._ask()

    def _ask(self) -> None:
        field = self.query_one(SearchField)
        field.display = True
        field.value = self._pattern.words if self._pattern is not None else field.value
        field.placeholder = "Look for"
        self.screen.set_focus(field)
        self._show_words()

    def on_search_field_left(self) -> None:
        """Back to the log."""
        self.query_one(SearchField).display = False
        self.screen.set_focus(self.view)
        self._show_words()

    def on_search_field_switched(self) -> None:
        """Read the words in the other way."""
        self._regular = not self._regular
        self._show_words()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for what was typed."""
        event.stop()
        index = self.view.index
        try:
            self._pattern = read_pattern(event.value, regular=self._regular)
        except ValueError as error:
            self.say(f"This can't be looked for: {error}.", Tone.BAD)
            return
        self.on_search_field_left()
        if index is not None:
            # What is in view already counts as the next one.
            self._find(index, self._pattern, 1, start=self.view.seen.first - 2)

    def _find(self, index: LogIndex, pattern: Pattern, by: int, start: int | None = None) -> None:
        self._stop_hunting()
        if start is None:
            seen, found = self.view.seen, self.view.page.found
            in_view = self.view.found_in_view
            start = found if found is not None and in_view else (seen.first - 2 if by > 0 else seen.last)
        hunt = LogHunt(index, pattern, start, forward=by > 0, secrets=self._secrets)
        self._hunt = asyncio.create_task(self._go_hunting(index, hunt))

    def _stop_hunting(self) -> None:
        if self._hunt is not None:
            self._hunt.cancel()
            self._hunt = None

    async def _go_hunting(self, index: LogIndex, hunt: LogHunt) -> None:
        words = f"“{shortened(hunt.pattern.words, _SHOWN_WORDS)}”"
        begun = time.monotonic()
        self.view.show_pattern(hunt.pattern)
        while await asyncio.to_thread(hunt.go_on, _SLICE_SECONDS):
            if time.monotonic() - begun > _TELL_AFTER_SECONDS:
                self.say(f"Looking for {words}: {hunt.part:.0%} of the log; esc stops.")
        if index is not self.view.index:
            return
        if hunt.found is None:
            self.say(f"{words} is in none of {hunt.line_count:,} lines.", Tone.WARN)
            return
        self.view.show_pattern(hunt.pattern, hunt.found)
        way = "going on from the first line" if hunt.forward else "going on from the last line"
        said = f"{words}: line {hunt.found + 1:,}" + (f", {way}" if hunt.wrapped else "")
        if not self.view.page.shows(hunt.found, hunt.pattern):
            pager = own_key(BY_NAME["pager"], self._keys)
            said += (
                f"; it stands in the part of the line that is too long to be shown: {pager} opens the pager"
            )
        self.say(f"{said}.", Tone.WARN if hunt.wrapped else Tone.PLAIN)

    def _copy(self, index: LogIndex) -> None:
        first, count = self.view.chosen_lines
        excerpt = clipboard_excerpt(index, first, count, self._secrets)
        self.app.copy_to_clipboard(excerpt.text)
        room = f"{CLIPBOARD_BYTES // 1024} KiB"
        what = _lines(first, excerpt.lines)
        if excerpt.whole:
            said = f"Copied {what}."
        elif excerpt.lines < count:
            said = f"Copied only {what}, of {count:,} lines: a clipboard takes {room} here."
        else:
            said = f"Copied only the first {room} of {what}."
        self.view.drop_selection()
        to_file = own_key(BY_NAME["copy_to_file"], self._keys)
        words = f"{said} A terminal may ignore this; {to_file} writes a file."
        self.say(words, Tone.GOOD if excerpt.whole else Tone.WARN)

    async def _copy_to_file(self, index: LogIndex) -> None:
        first, count = self.view.chosen_lines
        try:
            path = await asyncio.to_thread(write_excerpt, index, first, count, self._secrets)
        except OSError as error:
            self.say(f"Nothing was copied: {error.strerror or error}.", Tone.BAD)
            return
        self.view.drop_selection()
        self.say(f"Copied {_lines(first, count)} to {path}", Tone.GOOD)

    async def _page(self, index: LogIndex) -> None:
        """Lend the terminal to the pager. The screen goes on watching the run meanwhile."""
        pager = choose_pager(os.environ)
        if pager is None:
            self.say("No pager was found: set PAGER, or install less.", Tone.WARN)
            return
        pieces = for_pager(index, self._secrets, colours=pager.colours)
        with interrupts_for_the_pager(), self.app.suspend():
            fault = await asyncio.to_thread(show, pager, pieces, os.environ)
        self.app.refresh(layout=True)
        self.say(fault, Tone.WARN)


def _lines(first: int, count: int) -> str:
    return f"line {first + 1:,}" if count == 1 else f"lines {first + 1:,} to {first + count:,}"
