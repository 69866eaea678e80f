"""An engine whose attempts end as a test says, on the real journal protocol and the real machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from handrail.clock import ManualClock
from handrail.journal.memory import MemoryJournal
from handrail.journal.session import RunFollower, RunSession
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.commands import OPERATOR_COMMANDS
from handrail.run.events import Event, Purpose, write_event
from handrail.run.machine import Rejected, decide, observe
from handrail.run.plan import PlannedStep
from handrail.runbook.model import StepKind
from walk import OPERATOR, plan
from windows import SECONDS, Seen, window

RUN = "20261123-1405-deploy-x7k2"
Ending = int | str
"""An exit code, or `doubt`, or `wait` for an attempt that does not end."""


class MemoryEngine:
    """Answers the commands of one run. `endings` says how a task ends; exit code 0 where it is not named."""

    def __init__(
        self,
        *steps: PlannedStep,
        endings: Mapping[str, Ending] | None = None,
        logs: Path | None = None,
        **fields: object,
    ) -> None:
        self.journal = MemoryJournal()
        self.clock = ManualClock()
        self.endings: dict[str, Ending] = dict(endings or {})
        self.logs = logs
        opening = e.RunOpened(plan=plan(*steps, **fields), operator=OPERATOR)
        target = opening.plan.target.name
        self.journal.open_run(RUN, target, {}, "deploy", [write_event(opening)], self.clock.now())
        self._follower = RunFollower(self.journal, RUN)
        self._epoch = self.journal.claim_epoch(RUN, self.clock.now(), {})
        self._append([e.EngineStarted(epoch=self._epoch)])
        self._answered = 0
        self.calls: list[str] = []

    @property
    def state(self):  # type: ignore[no-untyped-def]
        """The run's state."""
        self._follower.poll()
        return self._follower.state

    def session(self, actor: Actor = OPERATOR) -> RunSession:
        """A screen's hold on the run."""
        return RunSession(self.journal, RUN, actor, self.clock, lambda: None)

    def turn(self) -> None:
        """Answer what was asked, and let what runs end."""
        for row in self.journal.commands(RUN, self._answered):
            self._answered = row.id
            issuer = Actor.model_validate(row.issuer)
            command = OPERATOR_COMMANDS.validate_python(row.body)
            self.calls.append(command.type)
            common = {"command_id": row.id, "command": command.type, "issuer": issuer}
            try:
                decided = decide(self.state, command, issuer, self.clock.now())
            except Rejected as rejected:
                self._append([e.CommandRejected(**common, reason=str(rejected))])
            else:
                self._append([e.CommandAccepted(**common), *decided])
        self._end_attempts()

    def _end_attempts(self) -> None:
        for attempt in list(self.state.attempts.values()):
            ending = self.endings.get(attempt.call.task, 0)
            if not attempt.is_running or (ending == "wait" and not attempt.cancelling):
                continue
            now = self.clock.now()
            if ending == "doubt":
                self._append(
                    observe(self.state, c.ObserveDoubt(attempt=attempt.number, evidence="killed"), now)
                )
                continue
            code = ending if isinstance(ending, int) else None
            looks = attempt.purpose is not Purpose.STEP or (
                attempt.step is not None and self.state.steps[attempt.step].planned.kind is StepKind.CHECK
            )
            seen = c.ObserveExit(
                attempt=attempt.number,
                exit_code=code,
                signal=None if code is not None else 15,
                cancelled=attempt.cancelling,
                started=attempt.announced,
                ended=now,
                verdict=("pass" if code == 0 else "fail") if looks else None,
            )
            self._append(observe(self.state, seen, now))

    def see_windows(self, *seen: Mapping[str, Seen], why: str = "") -> None:
        """Let the sampler see one window after another, while the clock goes on with each."""
        for each in seen:
            start = self.clock.now()
            self.clock.advance(timedelta(seconds=SECONDS))
            made = window(start, each, signals=self.state.plan.signals, why=why)
            self._append(observe(self.state, c.ObserveSignals(windows=(made,)), self.clock.now()))

    def see_time(self) -> None:
        """Let the engine look at its clock."""
        self._append(observe(self.state, c.ObserveTime(), self.clock.now()))

    def _append(self, events: list[Event]) -> None:
        if not events:
            return
        self._follower.poll()
        seq = self._follower.state.seq
        closed = any(isinstance(event, e.CLOSING) for event in events)
        bodies = [write_event(event) for event in events]
        self.journal.append(RUN, self._epoch, seq, bodies, self.clock.now(), release_lock=closed)

    def log_path(self, run: str, attempt: int) -> Path:
        """Where an attempt's log would be."""
        assert self.logs is not None
        return self.logs / f"{attempt}.log"
