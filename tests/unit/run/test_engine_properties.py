"""What holds however often an engine is killed, wherever it is, and whatever people do meanwhile."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import event as seen_in
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.engine.engine import AFTER_EFFECT, BEFORE_EFFECT, Engine
from handrail.errors import StorageFault
from handrail.journal.base import AFTER_COMMIT, BEFORE_COMMIT
from handrail.project.model import Announce, Secret
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.events import Purpose, read_event
from handrail.run.fold import fold
from handrail.run.plan import PlannedCall, PlannedOtherWay
from handrail.runbook.model import StepKind
from scripted import House, Killed
from walk import OPERATOR, TARGET, WATCHER, attest, gate, smoke, task, undo

ANNOUNCING = TARGET.model_copy(update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))})
POINTS = st.sampled_from([BEFORE_COMMIT, AFTER_COMMIT, BEFORE_EFFECT, AFTER_EFFECT])
STEPS = st.sampled_from(["", "", "", "a", "smoke", "undo/a"])
"""An empty key stands for the step that is next, so that most commands get somewhere."""
BACK = undo("a", otherwise=PlannedOtherWay(runbook="else", title="Else"))
COMMANDS = st.one_of(
    st.builds(c.StartStep, step=STEPS),
    st.builds(c.StartStep, step=STEPS),
    st.builds(c.RetryStep, step=STEPS),
    st.builds(c.Attest, step=STEPS, holds=st.booleans()),
    st.builds(c.SkipStep, step=STEPS, reason=st.just("because")),
    st.builds(c.MarkDone, step=STEPS, reason=st.just("because")),
    st.builds(c.ResolveDoubt, step=STEPS, done=st.booleans(), reason=st.just("because")),
    st.builds(c.WaiveCheck, step=STEPS, check=st.just("db.up"), reason=st.just("because")),
    st.builds(c.CancelStep, attempt=st.integers(1, 6)),
    st.builds(c.RollBack, confirm=st.just("production")),
    st.builds(c.TakeOtherWay, step=STEPS, confirm=st.just("production")),
    st.builds(c.CloseTrigger, trigger=st.integers(1, 2), reason=st.just("because")),
    st.builds(c.TakeControl, reason=st.just("because")),
    st.builds(c.AddNote, text=st.just("a note")),
    st.builds(c.AbortRun, reason=st.just("enough")),
)
ENDINGS = st.sampled_from(["well", "well", "well", "badly", "unseen"])
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("send"), COMMANDS, st.sampled_from([False, False, False, False, True])),
        st.tuples(st.just("walk"), st.integers(1, 5), st.booleans()),
        st.tuples(st.just("end"), ENDINGS),
        st.tuples(st.just("kill"), POINTS, st.integers(0, 3)),
        st.tuples(st.just("disk"), st.integers(0, 2)),
        st.tuples(st.just("time"), st.integers(1, 400)),
        st.tuples(st.just("wall"), st.integers(-4000, 4000)),
        st.tuples(st.just("restart")),
    ),
    min_size=12,
    max_size=60,
)


class Play:
    """A run that moves play with, and what they must not bring about."""

    def __init__(self) -> None:
        self.house = House(
            task("a", gate=(gate("db.up"), gate("b.b")), undo=BACK, probe=PlannedCall(task="look.a")),
            task("b", idempotent=True, undo=undo("b")),
            smoke(),
            attest("agree"),
            target=ANNOUNCING,
            undo_runbooks={"else": (task("d"), attest("e"))},
        )
        self.engine: Engine | None = None
        self.sent = 0

    def move(self, kind: str, *what) -> None:
        house = self.house
        if kind == "send":
            self.send(*what)
        elif kind == "walk":
            self.walk(*what)
        elif kind == "end" and house.world.running:
            number, how = house.world.running[0], what[0]
            if how == "unseen":
                house.world.lose(number)
            else:
                failed = how == "badly"
                house.world.end(number, exit_code=int(failed), verdict="fail" if failed else "pass")
        elif kind == "kill":
            house.faults.arm(what[0], skip=what[1])
        elif kind == "disk":
            house.faults.arm(BEFORE_COMMIT, StorageFault("The disk is full."), skip=what[0])
        elif kind == "time":
            house.clock.advance(timedelta(seconds=what[0]))
        elif kind == "wall":
            house.clock.set_wall_clock(timedelta(seconds=what[0]))
        elif kind == "restart":
            self.engine = None
        self.turn()

    def walk(self, turns: int, smoke_passes: bool) -> None:
        """Go on as an operator would for whom all goes well, but perhaps the smoke test."""
        state = self.house.seen().state
        if state.current is not None and state.running is None:
            attests = state.current.planned.kind is StepKind.ATTEST
            self.send(c.Attest(step="") if attests else c.StartStep(step=""), False)
        for _ in range(turns):
            self.turn()
            for number in self.house.world.running:
                failed = self.house.world.tasks[number] == "do.smoke" and not smoke_passes
                self.house.world.end(number, exit_code=int(failed), verdict="fail" if failed else "pass")

    def send(self, command: c.OperatorCommand, by_watcher: bool) -> None:
        state = self.house.seen().state
        if getattr(command, "step", None) == "" and state.current is not None:
            last = state.current.attempts[-1] if state.current.attempts else 0
            after = {"after_attempt": last} if isinstance(command, c.RetryStep) else {}
            command = command.model_copy(update={"step": state.current.key, **after})
        actor = WATCHER if by_watcher else OPERATOR
        body = command.model_dump(mode="json")
        armed, self.house.faults.at = self.house.faults.at, None
        self.sent += 1
        token = str(self.sent)
        self.house.journal.submit("run-1", actor.model_dump(mode="json"), body, self.house.clock.now(), token)
        self.house.faults.at = armed

    def turn(self) -> bool:
        try:
            if self.engine is None:
                self.engine = self.house.engine()
            return self.engine.turn()
        except Killed:
            self.engine = None
        except StorageFault:
            pass
        return True

    def settle(self) -> None:
        """Let everything come to rest: no more faults, a new engine, all that runs ends."""
        self.house.faults.at = None
        self.engine = None
        for _ in range(60):
            if not self.turn() and not self.house.world.running:
                return
            for number in self.house.world.running:
                self.house.world.end(number)
            self.house.clock.advance(timedelta(seconds=2))
        # The channel may be told of something just now: that, too, ends, and nothing is due at once.
        self.turn()
        for number in self.house.world.running:
            self.house.world.end(number)
        self.turn()


@settings(max_examples=200, deadline=None)
@given(MOVES)
def test_no_kill_loses_or_repeats_anything(moves) -> None:
    play = Play()
    for move in moves:
        play.move(*move)
    play.settle()
    house = play.house
    history = [(read_event(record.body), record.at) for record in house.journal.read("run-1")]

    begun = Counter(house.world.begun)
    assert not begun or max(begun.values()) == 1, "no attempt begins twice"
    started = {event.attempt: event for event, _ in history if isinstance(event, e.AttemptStarted)}
    assert set(begun) <= set(started), "nothing begins that is not journaled"
    assert not set(begun) & house.world.sealed

    answered = [ev.command_id for ev, _ in history if isinstance(ev, e.CommandAccepted | e.CommandRejected)]
    assert sorted(answered) == list(range(1, play.sent + 1)), "each command is answered once"

    asked_for: Counter[str] = Counter()
    acted: Counter[str] = Counter()
    gate_ok: set[str] = set()
    waived: set[str] = set()
    closed = rolling = False
    attempts_running: set[int] = set()
    for event, _ in history:
        if closed:
            assert isinstance(
                event,
                e.CommandAccepted | e.CommandRejected | e.NoteAdded | e.AttemptEnded | e.AttemptInDoubt,
            ), f"{event.type} after the end"
        match event:
            case e.CommandAccepted(command="StartStep" | "RetryStep"):
                asked_for["any"] += 1
            case e.RollbackStarted():
                rolling = True
            case e.AttemptStarted(purpose=Purpose.STEP, step=step):
                acted["any"] += not rolling
                if step == "a":
                    assert gate_ok | waived == {"db.up", "b.b"}, "no step without its gate, each time anew"
                    gate_ok = set()
            case e.AttemptEnded(result="passed") if started[event.attempt].purpose is Purpose.GATE:
                gate_ok.add(started[event.attempt].check or "")
            case e.CheckWaived(check=check):
                waived.add(check)
            case _:
                pass
        if isinstance(event, e.AttemptStarted) and event.purpose is not Purpose.NOTICE:
            assert not attempts_running, "one attempt at a time"
            attempts_running.add(event.attempt)
        if isinstance(event, e.AttemptEnded | e.AttemptInDoubt):
            attempts_running.discard(event.attempt)
        closed = closed or isinstance(event, e.CLOSING)

    silent = sum(
        1
        for event, _ in history
        if isinstance(event, e.AttemptInDoubt) and started[event.attempt].step == "b"
    )
    assert acted["any"] <= asked_for["any"] + silent, "a step acts only when it is asked to"

    state = fold("run-1", history)
    seen_in(state.phase.value)
    seen_in(f"triggers: {len(state.triggers)}")
    assert play.engine is None or play.engine.state == state, "the journal is the only truth"
    assert state == house.seen().state
    now = house.clock.now()
    for trigger in state.triggers.values():
        if state.phase.is_open and trigger.is_open:
            assert trigger.passed is (trigger.deadline.since(now) <= timedelta())
    assert not [a.number for a in state.attempts.values() if a.is_running], "all that ended is known"
    assert (house.journal.locks() == []) is (not state.phase.is_open)
    assert house.journal.verify("run-1") == []
