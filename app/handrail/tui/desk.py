"""Where a screen hands in its commands: one at a time, each until it is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from handrail.clock import Instant
from handrail.errors import StorageFault
from handrail.journal.session import Entry, RunSession
from handrail.run.commands import OperatorCommand
from handrail.tui.presenters.actions import Action, why_blocked

OnAnswer = Callable[[str], None]


class CommandDesk:
    """Sends commands for one screen. While one is unanswered no other is sent, so no key acts twice.

    `on_sent` is called for each that was sent: its answer is not far.
    """

    def __init__(
        self, session: RunSession, *, may_act: bool = True, on_sent: Callable[[], None] = lambda: None
    ) -> None:
        self.session = session
        self.may_act = may_act
        self._on_sent = on_sent
        self._pending: int | None = None
        self._sent_at: Instant | None = None
        self._on_answer: OnAnswer | None = None

    @property
    def waiting(self) -> timedelta | None:
        """How long the last command has been unanswered; `None` where none is."""
        if self._pending is None or self._sent_at is None:
            return None
        return self.session.clock.now().since(self._sent_at)

    def why_blocked(self, action: Action) -> str | None:
        """Why an action is not open now; `None` where it is."""
        return why_blocked(action, self.session.state, self.session.actor, may_act=self.may_act)

    def send(self, command: OperatorCommand | str, on_answer: OnAnswer) -> str | None:
        """Send a command; `on_answer` gets the engine's reason, empty where it was accepted.

        Returns why it was not sent; `None` where it was.
        """
        if isinstance(command, str):
            return command
        if self._pending is not None:
            return "Your last command is not answered yet: wait for the engine."
        if why := self.session.why_not(command):
            return why
        try:
            self._pending = self.session.send(command)
        except StorageFault as fault:
            return f"Not sent. {fault.summary}"
        self._sent_at = self.session.clock.now()
        self._on_answer = on_answer
        self._on_sent()
        return None

    def poll(self) -> list[Entry]:
        """Read what is new, and give out the answer that came. Raises `StorageFault`."""
        entries = self.session.poll()
        answers = list(self.session.answers)
        self.session.answers.clear()
        for answer in answers:
            if answer.command_id == self._pending and self._on_answer is not None:
                on_answer, self._on_answer = self._on_answer, None
                self._pending = self._sent_at = None
                on_answer(answer.reason)
        return entries
