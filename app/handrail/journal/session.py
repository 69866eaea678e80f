"""One screen's hold on one run: it follows the journal, and adds commands to it.

Attaching, watching, handing over and replay all go through here: a screen knows a run only by the
events after the last one that it has seen, and acts only by adding a command row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from msgspec import Struct

from handrail.clock import Clock, Instant
from handrail.errors import HandrailError, StorageFault
from handrail.journal.base import Journal, JournalDamaged, Record
from handrail.journal.chain import breaks_chain
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.commands import OPERATOR_COMMANDS, OperatorCommand
from handrail.run.events import Event, read_event
from handrail.run.fold import apply, open_run
from handrail.run.rules import why_not
from handrail.run.state import RunState

ASK_ENGINE_AGAIN = timedelta(seconds=1)


class Entry(Struct, frozen=True):
    """One event with its number in the run and the time at which it was journaled."""

    seq: int
    at: Instant
    event: Event


class Answer(Struct, frozen=True):
    """What the engine said to a command of ours; `reason` is empty where it was accepted."""

    command_id: int
    command: str
    reason: str

    @property
    def accepted(self) -> bool:
        """Whether the command was taken."""
        return not self.reason


class RunFollower:
    """The state of a run, kept up by reading the events after the last one seen.

    Each event is held against the chain as it is read: one that was written or changed by hand is never
    shown as true. `damage` says so, and the state stays as it was before. Raises `JournalDamaged` where
    nothing of the run can be trusted, and `ValueError` where it does not begin with its opening.
    """

    def __init__(self, journal: Journal, run: str) -> None:
        self.journal = journal
        self.run = run
        self._version: int | None = None
        self._state: RunState | None = None
        self._hash = ""
        self.damage = ""
        self.poll()
        if self._state is None:
            if self.damage:
                raise JournalDamaged(run, [self.damage])
            raise ValueError(f"there is no run {run}")

    @property
    def state(self) -> RunState:
        """The state after the last event read."""
        assert self._state is not None  # noqa: S101  the constructor proves it
        return self._state

    def poll(self) -> list[Entry]:
        """Read what is new. Returns the new events; cheap where there are none."""
        version = self.journal.data_version()
        if version == self._version or self.damage:
            return []
        seen = self._state.seq if self._state else 0
        entries: list[Entry] = []
        state, last, damage = self._state, self._hash, ""
        for record in self._read(seen):
            if damage := breaks_chain(record, state.seq if state else 0, last) or "":
                break
            last = record.hash
            event = read_event(record.body)
            if state is not None:
                state = apply(state, event, record.at)
            elif isinstance(event, e.RunOpened):
                state = open_run(self.run, event, record.at)
            else:
                raise ValueError(f"the journal of run {self.run} does not begin with its opening")
            entries.append(Entry(record.seq, record.at, event))
        # All or nothing: an event that can't be read must not swallow those before it.
        self._state, self._version, self._hash, self.damage = state, version, last, damage
        return entries

    def _read(self, after: int) -> list[Record]:
        try:
            return self.journal.read(self.run, after=after)
        except StorageFault as fault:
            # A row that can't be read is named by its number, where that is what is wrong.
            if damage := self.journal.verify(self.run):
                raise JournalDamaged(self.run, damage) from fault
            raise


class RunSession(RunFollower):
    """A follower that can act as someone. `keep_engine` sees to it that an open run has an engine.

    It returns a sentence for the screen where a dead engine was replaced, else `None`.
    """

    def __init__(
        self,
        journal: Journal,
        run: str,
        actor: Actor,
        clock: Clock,
        keep_engine: Callable[[], str | None],
    ) -> None:
        self._unanswered: set[int] = set()
        self._asked_engine: Instant | None = None
        self.answers: list[Answer] = []
        super().__init__(journal, run)
        self.actor = actor
        self.clock = clock
        self.keep_engine = keep_engine

    @property
    def is_operator(self) -> bool:
        """Whether this screen drives the run."""
        return self.state.operator.session == self.actor.session

    def why_not(self, command: OperatorCommand) -> str | None:
        """Why the engine would refuse this command now; `None` where it would take it."""
        if self.damage:
            return f"The journal of this run was changed by hand, or is damaged: {self.damage}."
        return why_not(self.state, command, self.actor)

    def send(self, command: OperatorCommand) -> int:
        """Add a command for the engine. Returns its id; the answer comes with a later `poll`."""
        body = OPERATOR_COMMANDS.dump_python(command, mode="json")
        command_id = self.journal.submit(
            self.run, self.actor.model_dump(mode="json"), body, self.clock.now(), uuid.uuid4().hex
        )
        self._unanswered.add(command_id)
        return command_id

    def poll(self) -> list[Entry]:
        """Read what is new, and take note of the answers to this screen's own commands.

        Raises `JournalDamaged` where something was written or changed by hand: nobody acts on such a run.
        """
        entries = super().poll()
        if self.damage:
            raise JournalDamaged(self.run, [self.damage])
        for entry in entries:
            event = entry.event
            if not isinstance(event, e.CommandAccepted | e.CommandRejected):
                continue
            if event.command_id in self._unanswered:
                self._unanswered.discard(event.command_id)
                reason = event.reason if isinstance(event, e.CommandRejected) else ""
                self.answers.append(Answer(event.command_id, event.command, reason))
        self._have_late_commands_answered()
        return entries

    def _have_late_commands_answered(self) -> None:
        """A command sent just as the run ended finds no engine, and must be answered all the same."""
        if not self._unanswered or self.state.phase.is_open:
            return
        now = self.clock.now()
        if self._asked_engine is None or now.since(self._asked_engine) >= ASK_ENGINE_AGAIN:
            self._asked_engine = now
            # What keeps an engine from coming up now must not keep the screen from what was read.
            with suppress(HandrailError):
                self.keep_engine()

    @property
    def waits_for_answer(self) -> bool:
        """Whether a command of this screen is still unanswered."""
        return bool(self._unanswered)
