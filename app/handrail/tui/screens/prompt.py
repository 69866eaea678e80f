"""A question before an action: a reason, a remark, or a plain yes."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from handrail.configuration.actions import Keys
from handrail.run.state import RunState
from handrail.text import clean_line
from handrail.tui.desk import CommandDesk
from handrail.tui.presenters.actions import OWN_KEYS, Action, Asks, label
from handrail.tui.presenters.line import Tone, line
from handrail.tui.presenters.questions import placeholder, question
from handrail.tui.widgets.field import Field
from handrail.tui.widgets.lines import Lines


class PromptScreen(ModalScreen[None]):
    """Asks for what an action needs. What was typed stays until the engine has accepted it.

    The command is made from the state that the question was asked about: if the run has moved on
    meanwhile, the engine refuses it, and nothing else is hit.
    """

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False),
        Binding("y", "confirm", "Yes", show=False, id="yes"),
    ]

    def __init__(
        self, action: Action, desk: CommandDesk, drafts: dict[str, str], keys: Keys = OWN_KEYS
    ) -> None:
        super().__init__()
        self._action = action
        self._desk = desk
        self._drafts = drafts
        self._keys = keys
        self._asked_about: RunState = desk.session.state
        self._confirms = action.asks is Asks.CONFIRMATION

    def compose(self) -> ComposeResult:
        """The question, a field, and what is wrong with the answer."""
        state = self._asked_about
        with Vertical(id="prompt"):
            yield Lines(id="prompt-title")
            yield Lines(id="prompt-question")
            if not self._confirms:
                yield Field(
                    value=self._drafts.get(self._action.name, ""),
                    placeholder=placeholder(self._action, state),
                    max_length=4000,
                    compact=True,
                    id="prompt-text",
                )
            yield Lines(id="prompt-error")
            yield Lines(id="prompt-keys")

    def on_mount(self) -> None:
        """Fill in the words."""
        state = self._asked_about
        self.query_one("#prompt-title", Lines).show(line((label(self._action, state), Tone.STRONG)))
        asked = [line(text) for text in question(self._action, state)]
        self.query_one("#prompt-question", Lines).show(*asked, layout=True)
        yes = self._keys.shown("yes", "y") if self._confirms else "enter"
        self.query_one("#prompt-keys", Lines).show(
            line(
                (yes, Tone.KEY),
                f" {label(self._action, state)}   ",
                ("esc", Tone.KEY),
                " Back",
            )
        )
        if not self._confirms:
            self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send what was typed."""
        event.stop()
        self._send(event.value)

    def action_confirm(self) -> None:
        """Say yes to a plain question."""
        if self._confirms:
            self._send("")

    def _send(self, text: str) -> None:
        why = self._desk.send(self._action.make(self._asked_about, text.strip()), self._answered)
        self._say(why or "Sent, waiting for the engine…", Tone.BAD if why else Tone.QUIET)

    def _answered(self, reason: str) -> None:
        if reason:
            self._say(reason, Tone.BAD)
            return
        self._drafts.pop(self._action.name, None)
        # Whoever sent it may have gone back before the answer came.
        for field in self.query(Input):
            field.value = ""
        if self.is_current:
            self.dismiss()

    def _say(self, text: str, tone: Tone) -> None:
        if self.is_attached:
            self.query_one("#prompt-error", Lines).show(line((clean_line(text), tone)), layout=True)

    def action_leave(self) -> None:
        """Go back; what was typed is kept for the next time."""
        for field in self.query(Input):
            self._drafts[self._action.name] = field.value
        self.dismiss()
