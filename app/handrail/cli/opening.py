"""From the words of a call to an open run: project, target, runbook, parameters, plan, journal, engine."""

from __future__ import annotations

import fnmatch
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.cli.engines import keep_engine
from handrail.clock import Clock, Instant, SystemClock
from handrail.engine.launch import ensure_engine
from handrail.errors import HandrailError, WrongUsage
from handrail.journal.base import Journal
from handrail.journal.session import RunSession
from handrail.paths import StateFolder
from handrail.policy.gate import canonical_name
from handrail.problems import Problem, as_evidence, suggestion
from handrail.project.model import Project, Target
from handrail.reports.durations import MOST_RUNS, rehearsed_durations, usual_durations
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.events import read_event, write_event
from handrail.run.plan import Plan, PlannedCall, PlannedStep, UndoKind, Usual
from handrail.run.planning import make_plan
from handrail.run.watch_events import BaselineKept
from handrail.runbook import loader
from handrail.runbook.model import Runbook
from handrail.runbook.parameters import check_parameters
from handrail.signals.baseline import Baseline, from_history
from handrail.sources import Unreadable, is_there, read_source
from handrail.tasks.collection import TaskSignature, imported_beside, known_tasks
from handrail.tasks.dry import preview

if TYPE_CHECKING:
    from handrail.cli.looking import GateLooks
    from handrail.tui.earlier import LastRun, UsualRun

LOCAL_TARGET = "local"
LARGEST_TASKS_FILE_BYTES = 16 * 1024 * 1024
LONGEST_NAME_IN_ID = 40
MARK_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def project_or_bare(project: Project | None) -> Project:
    """The project; without a project file, one whose only target is the folder we stand in."""
    if project is not None:
        return project
    here = Path.cwd()
    target = Target(name=LOCAL_TARGET, checkout=here)
    return Project(root=here, targets={LOCAL_TARGET: target})


def choose_target(project: Project, named: str | None, runbook_says: str | None) -> Target:
    """The target that was named, else the runbook's, the project's default, or its only one.

    Raises `WrongUsage` where none of these names a target of the project.
    """
    if named is None and set(project.targets) == {LOCAL_TARGET}:
        # A runbook that names its team's target, opened where there is no project, must open all the same.
        return project.targets[LOCAL_TARGET]
    return project.target(named or runbook_says)


def path_or_name(name: str) -> Path | str:
    path = Path(name).expanduser()
    return path.absolute() if "/" in name or is_there(path) else name


def plan_files(runbook: Runbook, project: Project) -> tuple[dict[str, str], dict[str, str]]:
    """The SHA-256 of every file that the plan is made from, and the text of those that may be shown.

    A project file's text is left out: a value in it may be a password. Raises `WrongUsage`.
    """
    digests, sources = _runbook_files(runbook)
    project_file = project.root / "handrail.toml"
    tasks = [project.tasks, *imported_beside(project.tasks)] if project.tasks else []
    for path in [project_file, *tasks]:
        if not path.exists():
            continue
        try:
            source = read_source(path, largest_bytes=LARGEST_TASKS_FILE_BYTES)
            digests[str(path)] = source.digest
            if path != project_file:
                sources[str(path)] = source.text
        except Unreadable as error:
            raise WrongUsage(
                f"The file {path} can't be read.",
                evidence=as_evidence(error.problems),
                still_safe="nothing was started.",
                next_step="correct it or its permissions, then try again.",
            ) from error
    return digests, sources


def _runbook_files(runbook: Runbook) -> tuple[dict[str, str], dict[str, str]]:
    digests, sources = {str(runbook.path): runbook.digest}, {str(runbook.path): runbook.text}
    for step in runbook.steps:
        for other in (step.included, step.undo_runbook, step.other_way):
            if other is not None:
                more = _runbook_files(other)
                digests |= more[0]
                sources |= more[1]
    return digests, sources


def plan_commands(plan: Plan) -> dict[str, list[str]]:
    """The exact command lines of every step by its key; nothing is executed.

    A step's own undo task stands under `undo/KEY`, an undo runbook's steps under `undo/RUNBOOK/KEY`.
    """
    tasks_file = Path(plan.tasks_file) if plan.tasks_file else None

    def of(call: PlannedCall) -> list[str]:
        return preview(call.task, call.arguments, plan.target, tasks_file)

    def of_step(step: PlannedStep) -> list[str]:
        return of(step.call) if step.call is not None else []

    commands: dict[str, list[str]] = {}
    for step in plan.steps:
        commands[step.key] = of_step(step)
        if step.undo is not None and step.undo.kind is UndoKind.TASK and step.undo.call is not None:
            commands[f"undo/{step.key}"] = of(step.undo.call)
    for name, steps in plan.undo_runbooks.items():
        for step in steps:
            commands[f"undo/{name}/{step.key}"] = of_step(step)
    return commands


def check_arguments(plan: Plan, tasks: Mapping[str, TaskSignature]) -> None:
    """Raise `WrongUsage` with all that is wrong in the arguments of the plan's calls."""
    wrong: list[str] = []
    steps = [*plan.steps, *(step for undone in plan.undo_runbooks.values() for step in undone)]
    for step in steps:
        undo = step.undo.call if step.undo else None
        calls = [step.call, step.probe, undo, *(gate.call for gate in step.gate)]
        for call in calls:
            signature = tasks.get(call.task.replace("-", "_")) if call else None
            if call is not None and signature is not None:
                wrong += [f"{step.source}: {what}" for what in signature.complaints(call.arguments)]
    if wrong:
        raise WrongUsage(
            f"{plan.title} gives its tasks wrong arguments.",
            evidence="\n".join(dict.fromkeys(wrong)),
            still_safe="nothing was started.",
            next_step="correct the steps' `with` in the runbook.",
        )


def check_rules(target: Target, tasks: Mapping[str, TaskSignature]) -> None:
    """Raise `WrongUsage` where the target names a rule that there is not: misspelt, it would hold nothing."""
    named = [("never_waive", name) for name in target.never_waive]
    named += [("require.check", each.check) for each in target.require]
    named += [("require.before", each.before) for each in target.require if each.before]
    wrong = []
    for field, name in named:
        if not fnmatch.filter(tasks, canonical_name(name)):
            wrong.append(f"targets.{target.name}.{field}: no task {name!r}{suggestion(name, tasks) or '.'}")
    if wrong:
        raise WrongUsage(
            f"handrail.toml names rules of {target.name} that don't exist.",
            evidence="\n".join(wrong),
            still_safe="nothing was started.",
            next_step="correct the names: a rule that is misspelt would hold nothing.",
        )


def earlier_durations(journal: Journal, plan: Plan) -> dict[str, Usual]:
    """What earlier runs of this runbook against this target took, by step key.

    Of a rollback that the target never had, what it took on staging.
    """
    try:
        records = journal.events_of_type(["DurationsMeasured"], limit=MOST_RUNS * 4)
        events = [read_event(record.body) for record in records]
    except HandrailError:
        # A row of some other run that can't be read: estimates will do, and a new run opens all the same.
        return {}
    measured = [event for event in events if isinstance(event, e.DurationsMeasured)]
    own = usual_durations(measured, target=plan.target.name, runbook=plan.runbook)
    if plan.target.staging is None:
        return own
    undone = {name: [step.key for step in steps] for name, steps in plan.undo_runbooks.items()}
    staging = plan.target.staging.target
    return rehearsed_durations(measured, target=staging, undo_runbooks=undone) | own


def earlier_signals(journal: Journal, plan: Plan, now: Instant) -> Baseline:
    """What the watches of the last good runs against this target saw at this hour."""
    if not plan.is_watched:
        return {}
    try:
        records = journal.events_of_type(["BaselineKept"], limit=MOST_RUNS)
        events = [read_event(record.body) for record in records]
    except HandrailError:
        # What some other run kept and nobody can read: this run's own baseline will do.
        return {}
    kept = [event.kept for event in events if isinstance(event, BaselineKept)]
    at = now.datetime()
    return from_history(kept, plan.target.name, at.hour + at.minute / 60)


def new_run_id(runbook: str, clock: Clock) -> str:
    """An id that sorts by time and says which runbook: `20261123-1405-production-deploy-x7k2`."""
    when = clock.now().datetime().strftime("%Y%m%d-%H%M")
    name = re.sub(r"[^a-z0-9]+", "-", runbook.lower()).strip("-")[:LONGEST_NAME_IN_ID].strip("-")
    mark = "".join(secrets.choice(MARK_ALPHABET) for _ in range(4))
    return "-".join(part for part in (when, name, mark) if part)


class RunOpening:
    """Everything up to the moment at which a run is opened, with nothing changed before that.

    Raises `WrongUsage` (`ProjectInvalid` and `RunbookInvalid` are such) for what must be corrected first.
    """

    def __init__(
        self,
        project: Project | None,
        *,
        runbook: str,
        target: str | None,
        given: Mapping[str, str],
    ) -> None:
        self.project = project_or_bare(project)
        self.tasks = known_tasks(self.project.tasks)
        self.runbook = loader.load(
            path_or_name(runbook), search=self.project.runbooks, known_tasks=self.tasks
        )
        self.target = choose_target(self.project, target, self.runbook.front_matter.target)
        check_rules(self.target, self.tasks)
        self.given = dict(given)
        self._state: StateFolder | None = None
        self._journal: Journal | None = None
        self._actor: Actor | None = None
        self._clock: Clock | None = None
        self._take_lock: str | None = None

    def use(self, state: StateFolder, journal: Journal, actor: Actor, clock: Clock) -> RunOpening:
        """Where the run will be journaled, and by whom it will be driven."""
        self._state, self._journal, self._actor, self._clock = state, journal, actor, clock
        return self

    def take_lock(self, target: str, reason: str) -> None:
        """Take the target's lock from whoever has it when the run is opened, for this reason.

        Raises `WrongUsage` where `target` is not the very name of the target, or no reason is given.
        """
        if target != self.target.name or not reason.strip():
            raise WrongUsage(
                f"The lock of {self.target.name} is taken over by that name, and with a reason.",
                still_safe="nothing was started.",
                next_step=f"give --take-lock {self.target.name} --reason REASON.",
            )
        self._take_lock = reason

    def now(self) -> Instant:
        """The present moment, by the clock of the run that would be opened."""
        return (self._clock or SystemClock()).now()

    def found(self, values: Mapping[str, str]) -> tuple[dict[str, str], tuple[Problem, ...]]:
        """The parameters with their defaults, and what is wrong with them or missing."""
        return check_parameters(self.runbook.front_matter, values)

    def problems(self, values: Mapping[str, str]) -> dict[str, str]:
        """What is wrong with these parameters, by name; nothing where all are right."""
        return {problem.field: f"expected {problem.expected}" for problem in self.found(values)[1]}

    def preview(self, values: Mapping[str, str]) -> Plan:
        """The plan that these parameters lead to. Raises `WrongUsage` with every missing or wrong one."""
        parameters, problems = self.found(values)
        if problems:
            raise WrongUsage(
                f"The parameters of {self.runbook.title} are wrong or missing.",
                evidence="\n".join(f"{p.field}: found {p.found}; expected {p.expected}" for p in problems),
                still_safe="nothing was started.",
                next_step="give each as --param NAME=VALUE.",
            )
        digests, sources = plan_files(self.runbook, self.project)
        plan = make_plan(
            self.runbook,
            self.target,
            parameters,
            digests=digests,
            sources=sources,
            project_root=self.project.root,
            tasks_file=self.project.tasks,
        )
        check_arguments(plan, self.tasks)
        if self._journal is not None:
            plan = plan.model_copy(
                update={
                    "usual": earlier_durations(self._journal, plan),
                    "usual_signals": earlier_signals(self._journal, plan, self.now()),
                }
            )
        return plan

    def commands(self, plan: Plan) -> dict[str, list[str]]:
        """The exact command lines of every step, by its key."""
        return plan_commands(plan)

    def gates(self) -> GateLooks | None:
        """What looks at the plan's gates; `None` before it is known where the run will be journaled."""
        if self._state is None or self._actor is None:
            return None
        from handrail.cli.looking import GateLooks  # noqa: PLC0415  (only a screen looks)

        return GateLooks(self._state, self._actor, self._clock or SystemClock(), dict(self.tasks))

    def last_run(self, plan: Plan) -> LastRun | None:
        """The last run of this runbook, and what was changed since."""
        from handrail.cli.earlier import last_run  # noqa: PLC0415

        return last_run(self._journal, plan) if self._journal is not None else None

    def usual_run(self, plan: Plan) -> UsualRun | None:
        """What whole runs of this runbook took."""
        from handrail.cli.earlier import usual_run  # noqa: PLC0415

        return usual_run(self._journal, plan) if self._journal is not None else None

    def open(self, values: Mapping[str, str]) -> RunSession:
        """Take the target's lock, journal the opening, and see to it that the run has its engine.

        Raises `LockHeld`, `StorageFault` and `MachineFault`.
        """
        if self._state is None or self._journal is None or self._actor is None or self._clock is None:
            raise RuntimeError("an opening must be told where to journal, by `use`, before it opens a run")
        plan = self.preview(values)
        actor = self._actor
        run = new_run_id(plan.runbook, self._clock)
        opened = write_event(e.RunOpened(plan=plan, operator=actor))
        holder = {"name": actor.user, "host": actor.host, "session": actor.session}
        at = self._clock.now()
        if self._take_lock is not None:
            self._journal.take_over_lock(plan.target.name, run, holder, self._take_lock, at)
        self._journal.open_run(run, plan.target.name, holder, plan.title, [opened], at)
        ensure_engine(self._state, run)
        return RunSession(self._journal, run, actor, self._clock, keep_engine(self._state, run))


def read_parameters(words: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` words as parameters. Raises `WrongUsage` for a word without `=` and a name given twice."""
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise WrongUsage(f"{word!r} is not of the form NAME=VALUE.", next_step="give --param ref=v1.3.0.")
        if name in given:
            raise WrongUsage(f"The parameter {name} is given twice.", next_step="give it once.")
        given[name] = value
    return given
