"""The loop of one live run: answer commands, look at attempts, let time pass; journal, then perform."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import ValidationError

from handrail.clock import Clock, Instant, wall_clock_jump
from handrail.engine.base import Performer
from handrail.errors import StorageFault
from handrail.journal.base import CommandRow, FaultPoints, Journal, NoFaults
from handrail.processes import ProcessIdentity
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.commands import OPERATOR_COMMANDS, Observation, ObserveTime
from handrail.run.events import Event, read_event, write_event
from handrail.run.fold import apply, fold
from handrail.run.machine import Rejected, decide, observe
from handrail.run.state import RunState

_LOG = logging.getLogger(__name__)
NOTICED_JUMP_SECONDS = 2.0
BEFORE_EFFECT = "before_effect"
AFTER_EFFECT = "after_effect"


class Engine:
    """The one writer of a run's events, from `take_charge` until another engine takes charge.

    `turn` may be called as often as one likes; it does what is due and returns. Raises `Fenced` once
    another engine has taken over, and `StorageFault` when the journal can't be written: nothing was
    started then, and the same turn may be tried again.
    """

    def __init__(
        self,
        journal: Journal,
        run: str,
        clock: Clock,
        performer: Performer,
        faults: FaultPoints | None = None,
    ) -> None:
        self._journal = journal
        self._run = run
        self._clock = clock
        self._performer = performer
        self._faults = faults or NoFaults()
        self._epoch = 0
        self._state = self._read()
        self._answered = 0
        self._version: int | None = None
        self._last_turn: Instant | None = None

    @property
    def state(self) -> RunState:
        """The run as this engine knows it."""
        return self._state

    def take_charge(self) -> None:
        """Fence off the engine before this one, and adopt what it had started."""
        now = self._clock.now()
        self._epoch = self._journal.claim_epoch(self._run, now, ProcessIdentity.own().as_dict())
        self._state = self._read()
        before = self._state.last_event
        under_way = tuple(a.number for a in self._state.attempts.values() if a.is_running)
        if self._state.phase.is_open:
            self._append([e.EngineStarted(epoch=self._epoch, adopted=under_way)])
            if before is not None and before.boot_id != now.boot_id:
                self._append([e.ClockJumped(seconds=0.0, rebooted=True)])
        for attempt in under_way:
            if (seen := self._performer.adopt(self._state, attempt)) is not None:
                self._observe(seen)

    def turn(self) -> bool:
        """Do what is due. Returns False once the run is over and nothing is left to be told or read."""
        self._note_clock_jump()
        for row in self._new_commands():
            self._answer(row)
        for attempt in [a.number for a in self._state.attempts.values() if a.is_running]:
            if (seen := self._performer.look(self._state, attempt)) is not None:
                self._observe(seen)
        if self._state.phase.is_open:
            self._observe(ObserveTime())
            return True
        return any(attempt.is_running for attempt in self._state.attempts.values())

    def _read(self) -> RunState:
        records = self._journal.read(self._run)
        entries = [(read_event(record.body), record.at) for record in records]
        answers = (
            event.command_id
            for event, _ in entries
            if isinstance(event, e.CommandAccepted | e.CommandRejected)
        )
        self._answered = max(answers, default=0)
        return fold(self._run, entries)

    def _new_commands(self) -> Sequence[CommandRow]:
        version = self._journal.data_version()
        if version == self._version:
            return ()
        rows = self._journal.commands(self._run, self._answered)
        self._version = version
        return rows

    def _answer(self, row: CommandRow) -> None:
        name = str(row.body.get("type", "?"))[:80]
        try:
            issuer = Actor.model_validate(row.issuer)
            command = OPERATOR_COMMANDS.validate_python(row.body)
        except ValidationError as error:
            reason = f"This is no command that the engine knows: {error.errors()[0]['msg']}."
            self._append([_rejected(row, name, None, reason)])
            return
        try:
            events = decide(self._state, command, issuer, self._clock.now())
        except Rejected as rejected:
            self._append([_rejected(row, name, issuer, str(rejected))])
            return
        accepted = e.CommandAccepted(command_id=row.id, command=name, issuer=issuer)
        self._append([accepted, *events])

    def _observe(self, observation: Observation) -> None:
        if events := observe(self._state, observation, self._clock.now()):
            self._append(events)

    def _note_clock_jump(self) -> None:
        now = self._clock.now()
        last, self._last_turn = self._last_turn, now
        if last is None or not self._state.phase.is_open:
            return
        jump = wall_clock_jump(last, now).total_seconds()
        if abs(jump) >= NOTICED_JUMP_SECONDS:
            self._append([e.ClockJumped(seconds=round(jump, 3))])

    def _append(self, events: Sequence[Event]) -> None:
        """Journal the events in one transaction; only then take them as true, and perform them."""
        now = self._clock.now()
        closing = any(isinstance(event, e.CLOSING) for event in events)
        bodies = [write_event(event) for event in events]
        self._journal.append(self._run, self._epoch, self._state.seq, bodies, now, release_lock=closing)
        for event in events:
            self._state = apply(self._state, event, now)
            if isinstance(event, e.CommandAccepted | e.CommandRejected):
                self._answered = max(self._answered, event.command_id)
        for event in events:
            self._perform(event)

    def _perform(self, event: Event) -> None:
        news: Observation | None = None
        if isinstance(event, e.AttemptStarted):
            self._faults.reach(BEFORE_EFFECT)
            news = self._performer.start(self._state, event)
            self._faults.reach(AFTER_EFFECT)
        elif isinstance(event, e.CancelRequested):
            try:
                self._performer.cancel(self._state, event.attempt)
            except StorageFault:
                _LOG.exception("attempt %d could not be cancelled", event.attempt)
        if news is not None:
            self._observe(news)


def _rejected(row: CommandRow, name: str, issuer: Actor | None, reason: str) -> e.CommandRejected:
    return e.CommandRejected(command_id=row.id, command=name, issuer=issuer, reason=reason)
