"""The loop of one live run: answer commands, look at attempts, let time pass; journal, then perform."""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from handrail.clock import Clock, Instant, wall_clock_jump
from handrail.engine.base import Performer, Sampler
from handrail.engine.sampling import NoSampler
from handrail.errors import StorageFault
from handrail.journal.base import (
    CommandRow,
    FaultPoints,
    Fenced,
    Journal,
    JournalDamaged,
    NoFaults,
    SequenceTaken,
)
from handrail.processes import ProcessIdentity
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.commands import (
    OPERATOR_COMMANDS,
    Observation,
    ObserveFiles,
    ObserveSignals,
    ObserveTime,
    RetryStep,
    StartStep,
)
from handrail.run.events import Event, read_event, write_event
from handrail.run.fold import apply, fold
from handrail.run.machine import Rejected, decide, observe
from handrail.run.state import RunState
from handrail.signals.window import SignalWindow, joined

_LOG = logging.getLogger(__name__)
NOTICED_JUMP_SECONDS = 2.0
ASK_AGAIN = timedelta(seconds=1)
QUIET_WINDOW_SECONDS = 30.0
"""Outside of a watch, windows are journaled so long together: a run may be open for days."""
MOST_WINDOWS = 720
"""Kept at most while the journal can't be written."""
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
        sampler: Sampler | None = None,
    ) -> None:
        self._journal = journal
        self._run = run
        self._clock = clock
        self._performer = performer
        self._faults = faults or NoFaults()
        self._sampler = sampler or NoSampler()
        self._windows: list[SignalWindow] = []
        self._epoch = 0
        self._state = self._read()
        self._answered = 0
        self._version: int | None = None
        self._last_turn: Instant | None = None
        self._due: deque[e.AttemptStarted] = deque()
        self._to_adopt: set[int] = set()
        self._asked_for_end: dict[int, Instant] = {}
        self._looked_at_files: Instant | None = None
        self._unsure: list[dict[str, Any]] = []

    @property
    def state(self) -> RunState:
        """The run as this engine knows it."""
        return self._state

    def take_charge(self, after: str = "") -> None:
        """Fence off the engine before this one, and adopt what it had started.

        `after` says what had felled it, for the people on the run. Raises `LockLost` where another run
        has taken the target over.
        """
        now = self._clock.now()
        self._epoch = self._journal.claim_epoch(self._run, now, ProcessIdentity.own().as_dict())
        self._state = self._read()
        self._due.clear()
        under_way = tuple(a.number for a in self._state.attempts.values() if a.is_running)
        self._to_adopt = set(under_way)
        if self._state.phase.is_open:
            started: list[Event] = [e.EngineStarted(epoch=self._epoch, adopted=under_way)]
            self._append([*started, *_clock_news(self._state.last_event, now), *_troubles(after)])
        if (fault := self._look_at_attempts()) is not None:
            _LOG.error("%s", fault)

    def turn(self) -> bool:
        """Do what is due. Returns False once the run is over and nothing is left to be told or read."""
        self._perform_due()
        self._note_clock_jump()
        if self._state.phase.is_open:
            # First of all: no command and no attempt, however damaged, keeps a deadline from firing.
            self._observe(ObserveTime())
            self._look_at_changed_files()
        self._take_samples()
        self._answer_commands()
        self._ask_for_ends()
        if (fault := self._look_at_attempts()) is not None:
            raise fault
        if self._state.phase.is_open or any(a.is_running for a in self._state.attempts.values()):
            return True
        return bool(self._journal.commands(self._run, self._answered))

    def _read(self) -> RunState:
        # What was written or changed by hand is not acted upon, and not even folded.
        if damage := self._journal.verify(self._run):
            raise JournalDamaged(self._run, damage)
        records = self._journal.read(self._run)
        entries = [(read_event(record.body), record.at) for record in records]
        answers = (
            event.command_id
            for event, _ in entries
            if isinstance(event, e.CommandAccepted | e.CommandRejected)
        )
        self._answered = max(answers, default=0)
        return fold(self._run, entries)

    def _answer_commands(self) -> None:
        version = self._journal.data_version()
        if version == self._version:
            return
        if (epoch := self._journal.epoch(self._run)) != self._epoch:
            # With nothing to append, it would wait for ever in a run that is no longer its own.
            raise Fenced(self._run, self._epoch, epoch)
        self._find_foreign_events()
        for row in self._journal.commands(self._run, self._answered):
            self._answer(row)
        # Only now: a command that could not be answered must be seen again by the next turn.
        self._version = version

    def _answer(self, row: CommandRow) -> None:
        name = "?"
        if row.problem:
            reason = f"This is no command that the engine can read: {row.problem}."
            self._append([_rejected(row, name, None, reason)])
            return
        try:
            name = str(dict(row.body).get("type", "?"))[:80]
            issuer = Actor.model_validate(row.issuer)
            command = OPERATOR_COMMANDS.validate_python(row.body)
        except (TypeError, ValueError) as error:
            what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            reason = f"This is no command that the engine knows: {what}."
            self._append([_rejected(row, name, None, reason)])
            return
        if isinstance(command, StartStep | RetryStep) and self._state.phase.is_open:
            # Looked at before each start, so that no edited runbook or task slips into a promised run.
            self._look_at_files()
        try:
            events = decide(self._state, command, issuer, self._clock.now())
        except Rejected as rejected:
            self._append([_rejected(row, name, issuer, str(rejected))])
            return
        except Exception as defect:  # noqa: BLE001
            # Deciding does nothing, so that refusing is safe; dying of it would be dying of it for ever.
            _LOG.exception("command %d (%s) could not be decided", row.id, name)
            reason = f"handrail failed to decide this ({_in_a_line(defect)}). Nothing was done."
            self._append([_rejected(row, name, issuer, reason)])
            return
        accepted = e.CommandAccepted(command_id=row.id, command=name, issuer=issuer)
        self._append([accepted, *events])

    def _observe(self, observation: Observation) -> None:
        if events := observe(self._state, observation, self._clock.now()):
            self._append(events)

    def _take_samples(self) -> None:
        """Journal what was sampled: each window at once where someone waits for it, else some together."""
        state = self._state
        if not state.phase.is_open or not state.plan.is_watched:
            self._sampler.stop()
            return
        self._windows += self._sampler.collect(state)
        del self._windows[:-MOST_WINDOWS]
        if not self._windows:
            return
        waited_for = state.waiting_step is not None or state.rollback_started is not None
        long_enough = sum(window.seconds for window in self._windows) >= QUIET_WINDOW_SECONDS
        if waited_for or long_enough:
            windows = self._windows if waited_for else joined(self._windows)
            self._observe(ObserveSignals(windows=tuple(windows)))
            self._windows.clear()

    def _look_at_changed_files(self) -> None:
        """See whether changed files were put back: for as long as they were not, screens refuse to go on."""
        now = self._clock.now()
        looked = self._looked_at_files
        if self._state.changed_files and (looked is None or now.since(looked) >= ASK_AGAIN):
            self._look_at_files()

    def _look_at_files(self) -> None:
        self._looked_at_files = self._clock.now()
        self._observe(ObserveFiles(changed=self._performer.changed_files(self._state)))

    def _look_at_attempts(self) -> StorageFault | None:
        """See what became of what runs. One whose files can't be read keeps nobody from the others."""
        fault: StorageFault | None = None
        for attempt in [a.number for a in self._state.attempts.values() if a.is_running]:
            look = self._performer.adopt if attempt in self._to_adopt else self._performer.look
            try:
                seen = look(self._state, attempt)
            except StorageFault as error:
                fault = error
                continue
            self._to_adopt.discard(attempt)
            if seen is not None:
                self._observe(seen)
        return fault

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
        try:
            self._journal.append(self._run, self._epoch, self._state.seq, bodies, now, release_lock=closing)
        except SequenceTaken:
            self._report_foreign_events()
            raise
        except StorageFault:
            # The disk may have taken it all the same: then it stands there when it is tried again.
            self._unsure = bodies
            raise
        for event in events:
            self._state = apply(self._state, event, now)
            if isinstance(event, e.CommandAccepted | e.CommandRejected):
                self._answered = max(self._answered, event.command_id)
        self._due += [event for event in events if isinstance(event, e.AttemptStarted)]
        self._perform_due()
        self._ask_for_ends()

    def _find_foreign_events(self) -> None:
        """Look, whenever anything was journaled, whether all of this run is still what its engines wrote."""
        if damage := self._journal.verify(self._run):
            raise JournalDamaged(self._run, damage)
        if (last := self._journal.last_seq(self._run)) != self._state.seq:
            self._report_foreign_events()
            raise SequenceTaken(self._run, self._state.seq, last)

    def _report_foreign_events(self) -> None:
        """Say in the journal itself that somebody else wrote into it: nobody but this epoch's engine may.

        The chain has no key, so that whoever can write the file can make it whole again; but not in the
        sight of the engine that wrote the rest of it.
        """
        records = self._journal.read(self._run, after=self._state.seq)
        if not records or [record.body for record in records] == self._unsure:
            return
        first, last = records[0].seq, records[-1].seq
        _LOG.error("the events %d to %d were not written by this engine", first, last)
        told = write_event(e.ForeignEvents(first=first, last=last))
        self._journal.append(self._run, self._epoch, last, [told], self._clock.now())

    def _perform_due(self) -> None:
        """Start what is journaled and not yet started; what one runs into keeps no other from its start."""
        while self._due:
            event = self._due.popleft()
            self._faults.reach(BEFORE_EFFECT)
            news = self._performer.start(self._state, event)
            self._faults.reach(AFTER_EFFECT)
            if news is not None:
                self._observe(news)

    def _ask_for_ends(self) -> None:
        """Have what is to be cancelled end. The journal says which, so that no killed engine forgets it.

        Asked again as long as it runs: the first time, its shim may just have been coming up.
        """
        now = self._clock.now()
        for attempt in [a for a in self._state.attempts.values() if a.is_running and a.cancelling]:
            asked = self._asked_for_end.get(attempt.number)
            if asked is not None and now.since(asked) < ASK_AGAIN:
                continue
            self._asked_for_end[attempt.number] = now
            try:
                self._performer.cancel(self._state, attempt.number)
            except StorageFault:
                _LOG.exception("attempt %d could not be cancelled", attempt.number)


def _clock_news(before: Instant | None, now: Instant) -> list[Event]:
    """What happened to the clock while no engine lived."""
    if before is None:
        return []
    if before.boot_id != now.boot_id:
        return [e.ClockJumped(seconds=0.0, rebooted=True)]
    jump = wall_clock_jump(before, now).total_seconds()
    return [e.ClockJumped(seconds=round(jump, 3))] if abs(jump) >= NOTICED_JUMP_SECONDS else []


def _troubles(after: str) -> list[Event]:
    if not after:
        return []
    by = Actor(user="the engine", host=socket.gethostname(), session="engine")
    text = f"It ran into a defect of handrail, and began anew: {after}. What runs went on meanwhile."
    return [e.NoteAdded(by=by, text=text)]


def _in_a_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _rejected(row: CommandRow, name: str, issuer: Actor | None, reason: str) -> e.CommandRejected:
    return e.CommandRejected(command_id=row.id, command=name, issuer=issuer, reason=reason)
