"""A run behind one gate, and everything that somebody may try to bring it past."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import time

from e2e.faults.desk import Desk
from e2e.gates.table import Gate, Place
from handrail.attempts.launch import ShimStarter
from handrail.cli.following import Following
from handrail.cli.joining import read_state
from handrail.cli.opening import RunOpening
from handrail.cli.plain import PlainScreen
from handrail.cli.screens import narrator_for
from handrail.clock import SystemClock
from handrail.engine.engine import Engine
from handrail.engine.launch import engine_alive
from handrail.engine.processes import ProcessPerformer
from handrail.journal.session import RunSession
from handrail.journal.sqlite import SqliteJournal
from handrail.project.loader import load
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.commands import OperatorCommand
from handrail.run.events import Purpose, Result, read_event, write_event
from handrail.run.state import RunState, StepStatus
from waiting import wait_for

SHIP, AFTER = "deploy/ship", "deploy/after"
RUNBOOK = """\
{front}# Small deployment
## Deploy
### Ship
```yaml step
task: shell.fence
with: {{script: "touch {ran}"}}
gate:
  - {{check: {gate}, with: {arguments}}}
undo: {{nothing: "it is a file of a test"}}
```
### After
```yaml step
task: shell.fence
with: {{script: "touch {ran}-after"}}
undo: {{nothing: "it is a file of a test"}}
```
"""
EMERGENCY = """\
---
parameters:
  incident: {{prompt: "Which incident?", default: "INC-9"}}
  on_call: {{prompt: "Who is on call?", default: "the on-call engineer"}}
  why: {{prompt: "Why without it?", default: "customers can't pay"}}
emergency:
  skips:
    why: [{gate}]
---
"""
SOMEBODY = Actor(user="colleague", host="elsewhere", session="another-screen")


class Typed:
    """Lines that somebody has typed already."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    @property
    def ended(self) -> bool:
        """Whether none is left."""
        return not self._lines

    def next(self, seconds: float) -> str | None:
        """The next line."""
        return self._lines.pop(0) if self._lines else None

    def pause(self, seconds: float) -> None:
        """Let a moment pass, as the screen asks for while it waits."""
        time.sleep(seconds)


class Bench:
    """One run of the small runbook: its place, an operator's desk, and sessions on its journal."""

    def __init__(self, place: Place, desk: Desk) -> None:
        self.place = place
        self.desk = desk
        self.clock = SystemClock()
        self._journals: list[SqliteJournal] = []

    @property
    def runbook(self) -> str:
        """The path of the runbook."""
        return str(self.place.project / "small.md")

    def write(self, gate: str, *, never_waive: bool = True, front: str = "", production: bool = True) -> None:
        """Write the project file and the runbook."""
        place = self.place
        marked = json.dumps([gate]) if never_waive else "[]"
        (place.project / "handrail.toml").write_text(
            f'default_target = "production"\n[targets.production]\nproduction = {str(production).lower()}\n'
            f'checkout = "{place.checkout}"\nnever_waive = {marked}\n{place.settings}'
        )
        arguments = json.dumps(place.arguments)
        (place.project / "small.md").write_text(
            RUNBOOK.format(front=front, gate=gate, arguments=arguments, ran=place.ran)
        )

    def prepare(self, gate: Gate, *, unknown: bool = False) -> None:
        """Make the gate fail, or keep it from knowing."""
        make = gate.is_unknown if unknown else gate.fails
        if gate.after_project:
            self.write(gate.name)
            make(self.place)
        else:
            make(self.place)
            self.write(gate.name)

    def journal(self) -> SqliteJournal:
        """The journal, as a screen or an engine has it."""
        journal = SqliteJournal(self.place.state.create().journal)
        self._journals.append(journal)
        return journal

    def opening(self) -> RunOpening:
        """Everything up to the moment at which the run is opened."""
        project = load(self.place.project / "handrail.toml")
        return RunOpening(project, runbook=self.runbook, target=None, given={})

    def operator(self) -> Actor:
        """Who opens the run in this process."""
        return Actor(user="operator", host="here", session="first-screen")

    def open(self) -> RunSession:
        """Open the run, driven by a real engine in a process of its own."""
        opening = self.opening().use(self.place.state, self.journal(), self.operator(), self.clock)
        return opening.open({})

    def open_without_engine(self) -> tuple[RunSession, Engine]:
        """Open the run, with its engine in this process: it does nothing but by `turn`."""
        journal, actor = self.journal(), self.operator()
        plan = self.opening().preview({})
        opened = write_event(e.RunOpened(plan=plan, operator=actor))
        journal.open_run("small", "production", {"name": "operator"}, "Small", [opened], self.clock.now())
        engine = Engine(
            self.journal(), "small", self.clock, ProcessPerformer(self.place.state, self.clock, ShimStarter())
        )
        engine.take_charge()
        return RunSession(journal, "small", actor, self.clock, lambda: None), engine

    def open_another_engine(self) -> None:
        """Have another engine take charge of the run, as after the end of the first."""
        performer = ProcessPerformer(self.place.state, self.clock, ShimStarter())
        Engine(self.journal(), "small", self.clock, performer).take_charge()

    def turn_until_held(self, engine: Engine) -> None:
        """Let the engine go on until the gate has answered."""

        def held() -> bool:
            engine.turn()
            return engine.state.steps[SHIP].status is StepStatus.HELD

        wait_for(held, "the gate's answer", 60)

    def session(self, actor: Actor | None = None) -> RunSession:
        """A screen on the newest run: of its operator as the journal tells, or of somebody else."""
        run = self.desk.runs()[0]
        actor = actor or self.desk.run().operator
        return RunSession(self.journal(), run, actor, self.clock, lambda: None)

    def ask(self, screen: RunSession, *commands: OperatorCommand) -> list[str]:
        """Send commands past the screen's own rules; why the engine refused each, empty where it didn't."""
        numbers = [screen.send(command) for command in commands]

        def answers() -> dict[int, str]:
            screen.poll()
            return {answer.command_id: answer.reason for answer in screen.answers}

        wait_for(lambda: answers().keys() >= set(numbers), f"the answers to {commands}")
        return [answers()[number] for number in numbers]

    def type(self, screen: RunSession, *lines: str) -> str:
        """Type lines into a plain screen, each once the one before has led somewhere; what it says."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            following = Following(screen, narrator_for(screen, self.place.state, as_json=False))
            PlainScreen(following, Typed([*lines, "detach"]), attach_command="handrail attach").drive()
        return said.getvalue()

    def by_hand(self, *rows: tuple[object, object]) -> list[str]:
        """Write command rows (issuer, command) with SQL alone; why the engine refused each, or "accepted"."""
        run = self.desk.runs()[0]
        db = sqlite3.connect(self.place.state.journal, timeout=15)
        try:
            with db:
                numbers = [
                    db.execute(
                        "INSERT INTO commands (run, issuer, body, wall, boot, boot_id, token) "
                        "VALUES (?, ?, ?, 0, 0, '', hex(randomblob(8)))",
                        (run, *(v if isinstance(v, str | bytes) else json.dumps(v) for v in row)),
                    ).lastrowid
                    for row in rows
                ]
        finally:
            db.close()
        journal = self.journal()

        def answers() -> dict[int, str]:
            events = [read_event(record.body) for record in journal.read(run)]
            taken = {each.command_id: "accepted" for each in events if isinstance(each, e.CommandAccepted)}
            return taken | {x.command_id: x.reason for x in events if isinstance(x, e.CommandRejected)}

        wait_for(lambda: answers().keys() >= set(numbers), "the answers to rows written by hand")
        return [answers()[number] for number in numbers if number is not None]

    def has_held(self, state: RunState | None = None) -> None:
        """Fail unless nothing behind the gate has run, in the files as in the journal."""
        state = state or self.desk.run()
        assert state.steps[SHIP].status in (StepStatus.HELD, StepStatus.PENDING, StepStatus.CHECKING)
        assert state.steps[AFTER].status is StepStatus.PENDING
        assert not state.steps[SHIP].waived
        assert not state.steps[SHIP].may_have_acted
        assert [a.number for a in state.attempts.values() if a.purpose is Purpose.STEP] == []
        assert all(a.result is not Result.PASSED for a in state.attempts.values())
        assert not self.place.ran.exists()
        assert not self.place.ran.with_name("it-ran-after").exists()

    def waits(self, key: str = SHIP) -> RunState:
        """Wait until the gate has held the step back."""
        return wait_for(
            lambda: state if (state := self.desk.run()).steps[key].status is StepStatus.HELD else None,
            f"{key} to be held",
            60,
        )

    def end(self) -> None:
        """Leave no run and no engine behind."""
        for run in self.desk.runs():
            if engine_alive(self.place.state, run):
                state = read_state(self.journal(), run)
                if state.phase.is_open:
                    screen = RunSession(self.journal(), run, state.operator, self.clock, lambda: None)
                    self.ask(screen, c.AbortRun(reason="the test is over"))
        for journal in self._journals:
            journal.close()
        if self.place.state.journal.exists():
            self.desk.end_engines()
        self.place.parts.close()
