"""How a runbook and a target become a plan: included steps expanded, parameters and target resolved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from handrail.errors import WrongUsage
from handrail.policy.gate import canonical_name
from handrail.project.model import RequiredCheck, Target
from handrail.project.signals import signals_of
from handrail.run.composing import composed, parameters_in
from handrail.run.emergency import emergency_of
from handrail.run.plan import (
    DEFAULT_ESTIMATE,
    DEFAULT_GATE_TIMEOUT,
    DEFAULT_TIMEOUT,
    Emergency,
    Plan,
    PlannedCall,
    PlannedGate,
    PlannedOtherWay,
    PlannedStep,
    PlannedUndo,
    UndoKind,
    Usual,
)
from handrail.runbook.model import Call, GateCheck, Runbook, Step, StepKind, Undo
from handrail.runbook.template import MissingValue, Reference, resolve
from handrail.values import Scalar, parse_duration

WATCH_MARGIN = timedelta(minutes=2)
FENCE_TASK = "shell.fence"
ANNOUNCING = "announce."


def make_plan(
    runbook: Runbook,
    target: Target,
    parameters: Mapping[str, Scalar],
    *,
    digests: Mapping[str, str],
    project_root: Path,
    sources: Mapping[str, str] | None = None,
    tasks_file: Path | None = None,
    usual: Mapping[str, Usual] | None = None,
    emergency: Emergency | None = None,
) -> Plan:
    """The frozen plan of running `runbook` against `target`; without `emergency`, the runbook's own.

    Raises `WrongUsage` where a value that the runbook needs is neither a parameter nor in the target,
    and `Refused` where the emergency would skip a rule that it may not skip.
    """
    planner = _Planner(target, parameters)
    steps = with_required_checks(planner.steps_of(runbook), target.require, planner.value)
    watched = any(step.watch_for is not None for step in steps)
    return Plan(
        runbook=runbook.path.stem,
        title=planner.text(runbook.title),
        introduction=runbook.introduction,
        target=target,
        parameters=dict(parameters),
        steps=tuple(steps),
        undo_runbooks=planner.undo_runbooks,
        digests=dict(digests),
        sources=dict(sources or {}),
        project_root=str(project_root),
        tasks_file=str(tasks_file) if tasks_file else None,
        usual=dict(usual or {}),
        emergency=emergency or emergency_of(runbook.front_matter, parameters, steps, target),
        signals=signals_of(target) if watched else (),
    )


class _Planner:
    """Resolves one runbook's steps. `given` are templates that stand in for parameters (an include's `with`).

    `later` are parameters that stay as they are written: those of an undo runbook are known once the
    rollback begins.
    """

    def __init__(
        self,
        target: Target,
        parameters: Mapping[str, Scalar],
        given: Mapping[str, Any] | None = None,
        later: Collection[str] = (),
    ) -> None:
        self._model = target
        self._parameters = dict(parameters)
        self._given = dict(given or {})
        self._later = frozenset(later)
        self._target = target.model_dump(mode="json", by_alias=True)
        self.undo_runbooks: dict[str, tuple[PlannedStep, ...]] = {}
        self.undo_arguments: dict[str, dict[str, Any]] = {}

    def value(self, template: Any, where: str = "") -> Any:
        """`template` with parameters and target filled in; facts are left for when the step starts."""
        template = composed(template, self._given)
        keep = {"facts"}
        if self._later:
            known = {n: _escaped(v) for n, v in self._parameters.items() if n not in self._later}
            template, keep = composed(template, known), {"facts", "param"}
        try:
            for name in set(parameters_in(template)) if self._later else ():
                if name not in self._later:
                    raise MissingValue(Reference("param", (name,)), self._parameters)
            return resolve(template, {"param": self._parameters, "target": self._target}, keep=keep)
        except MissingValue as missing:
            raise WrongUsage(
                f"{where or 'The runbook'} needs a value that isn't there: {missing}",
                still_safe="nothing was started.",
                next_step="give the parameter, or add the value to the target in handrail.toml.",
            ) from missing

    def text(self, template: str, where: str = "") -> str:
        """The same for text that is shown, as text."""
        return str(self.value(template, where))

    def steps_of(self, runbook: Runbook, prefix: str = "") -> list[PlannedStep]:
        planned: list[PlannedStep] = []
        for section in runbook.sections:
            for step in section.steps:
                if step.included is not None:
                    planned += self._included(runbook, step, step.included, prefix)
                else:
                    planned.append(self._step(runbook, section.title, step, prefix))
        return planned

    def _included(self, runbook: Runbook, step: Step, included: Runbook, prefix: str) -> list[PlannedStep]:
        """The steps of a runbook inside this one; nothing of it starts before the including step's gate."""
        block, where = step.block, f"{runbook.path.name}:{step.line}: {step.title}"
        within = self._within(included, block.arguments, step.title, self._parameters)
        steps = within.steps_of(included, prefix=f"{prefix}{step.key}/")
        if block.gate and steps:
            first = steps[0]
            _refuse_gated_attestation(first.kind, where)
            gates = (*(self._gate(gate, where) for gate in block.gate), *first.gate)
            steps[0] = first.model_copy(update={"gate": _numbered(gates)})
        return steps

    def _step(self, runbook: Runbook, section: str, step: Step, prefix: str) -> PlannedStep:
        block, where = step.block, f"{runbook.path.name}:{step.line}: {step.title}"
        if block.gate:
            _refuse_gated_attestation(step.kind, where)
        timeout = block.timeout or DEFAULT_TIMEOUT
        estimate = block.estimate or DEFAULT_ESTIMATE
        watch_for = None
        if block.watch is not None or block.baseline is not None:
            watched = self._watch_duration(step, where)
            timeout, estimate = block.timeout or watched + WATCH_MARGIN, block.estimate or watched
            watch_for = None if block.watch is not None and block.watch.task else watched
        return PlannedStep(
            key=f"{prefix}{step.key}",
            section=self.text(section, where),
            title=self.text(step.title, where),
            prose=step.prose,
            kind=_kind_of(step),
            source=f"{runbook.path}:{step.line}",
            call=self._call_of(step, where),
            statement=self.text(block.attest or step.title, where) if step.kind is StepKind.ATTEST else None,
            by=block.by,
            gate=_numbered(self._gate(gate, where) for gate in block.gate),
            timeout=timeout,
            estimate=estimate,
            undo=self._undo(block.undo, step, where) if block.undo is not None else None,
            irreversible=block.irreversible,
            irreversible_when=block.irreversible_when,
            probe=self._call(block.probe, where) if block.probe is not None else None,
            idempotent=block.idempotent,
            on_failure=block.on_failure,
            watch_for=watch_for,
            beside=block.beside,
        )

    def _call_of(self, step: Step, where: str) -> PlannedCall | None:
        block = step.block
        arguments = self.value(block.arguments, where)
        if step.kind is StepKind.FENCE:
            return PlannedCall(task=FENCE_TASK, arguments={"script": step.script or ""})
        if block.announce is not None:
            return PlannedCall(
                task="announce.post", arguments={"text": self.value(block.announce, where), **arguments}
            )
        if block.watch is not None and block.watch.task is not None:
            seconds = self._watch_duration(step, where).total_seconds()
            watch = {"duration": f"{seconds:.0f}s"}
            if block.watch.every is not None:
                watch["every"] = f"{block.watch.every.total_seconds():.0f}s"
            return PlannedCall(task=canonical_name(block.watch.task), arguments={**watch, **arguments})
        task = block.task or block.check
        return PlannedCall(task=canonical_name(task), arguments=arguments) if task else None

    def _watch_duration(self, step: Step, where: str) -> timedelta:
        watch = step.block.watch or step.block.baseline
        given = self.value(watch.duration if watch else "", where)
        try:
            duration = parse_duration(given)
        except ValueError as error:
            raise WrongUsage(f"{where}: `for` is {given!r}; expected {error}.") from error
        return duration if isinstance(duration, timedelta) else timedelta()

    def _call(self, call: Call, where: str) -> PlannedCall:
        return PlannedCall(task=canonical_name(call.task), arguments=self.value(call.arguments, where))

    def _gate(self, gate: GateCheck, where: str) -> PlannedGate:
        call = PlannedCall(task=canonical_name(gate.check), arguments=self.value(gate.arguments, where))
        return PlannedGate(call=call, waivable=gate.waivable, timeout=gate.timeout or DEFAULT_GATE_TIMEOUT)

    def _undo(self, undo: Undo, step: Step, where: str) -> PlannedUndo:
        common: dict[str, Any] = {
            "when": undo.when,
            "unless_needed": undo.unless_needed,
            "estimate": undo.estimate,
            "timeout": undo.timeout,
        }
        if undo.task is not None:
            call = PlannedCall(task=canonical_name(undo.task), arguments=self.value(undo.arguments, where))
            otherwise = self._other_way(undo, step.other_way, where)
            return PlannedUndo(kind=UndoKind.TASK, call=call, otherwise=otherwise, **common)
        if undo.runbook is not None and step.undo_runbook is not None:
            arguments = self._plan_undo_runbook(undo.runbook, step.undo_runbook, undo.arguments, where)
            return PlannedUndo(kind=UndoKind.RUNBOOK, runbook=undo.runbook, arguments=arguments, **common)
        return PlannedUndo(kind=UndoKind.NOTHING, reason=undo.nothing or "", **common)

    def _other_way(self, undo: Undo, runbook: Runbook | None, where: str) -> PlannedOtherWay | None:
        if undo.otherwise is None or runbook is None:
            return None
        name = undo.otherwise.runbook
        arguments = self._plan_undo_runbook(name, runbook, undo.otherwise.arguments, where)
        title = self._within(runbook, {}, where, {}, later=arguments).text(runbook.title, where)
        return PlannedOtherWay(runbook=name, title=title, arguments=arguments)

    def _plan_undo_runbook(
        self, name: str, runbook: Runbook, given: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        """Freeze an undo runbook, once: one run of it takes back every step that names it.

        Returns what it is given, with all but the facts filled in.
        """
        arguments = {parameter: self.value(value, where) for parameter, value in given.items()}
        if self.undo_arguments.setdefault(name, arguments) != arguments:
            raise WrongUsage(
                f"{where}: the undo runbook {name} is given other values than by an earlier step;"
                " it runs once for all of them.",
                still_safe="nothing was started.",
                next_step="give it the same `with` in every step.",
            )
        if name not in self.undo_runbooks:
            within = self._within(runbook, {}, where, {}, later=arguments)
            self.undo_runbooks[name] = tuple(within.steps_of(runbook))
        return arguments

    def _within(
        self,
        runbook: Runbook,
        arguments: Mapping[str, Any],
        where: str,
        inherited: Mapping[str, Scalar],
        later: Collection[str] = (),
    ) -> _Planner:
        """A planner for a runbook inside this one; what it is given `with` stands in for its parameters."""
        given = {name: self.value(value, where) for name, value in arguments.items()}
        declared = runbook.front_matter.parameters
        defaults = {name: p.default for name, p in declared.items() if p.default is not None}
        within = _Planner(self._model, {**defaults, **inherited}, given, {*self._later, *later})
        within.undo_runbooks, within.undo_arguments = self.undo_runbooks, self.undo_arguments
        return within


def _kind_of(step: Step) -> StepKind:
    """The step's kind; a task that only announces is an announcement, which no step waits for."""
    announces = (step.block.task or "").startswith(ANNOUNCING)
    return StepKind.ANNOUNCE if announces else step.kind


def with_required_checks(
    steps: Sequence[PlannedStep], required: Sequence[RequiredCheck], value: Callable[[Any, str], Any]
) -> list[PlannedStep]:
    """The steps with the target's own checks in their gates, whatever the runbook says.

    A check stands before every step that runs the task it names, else before the first step that changes
    anything: a runbook that was written without a rule, or edited, does not go around it.
    """
    gated = list(steps)
    for check in required:
        where = f"the target's required check {check.check}"
        call = PlannedCall(task=canonical_name(check.check), arguments=value(check.arguments, where))
        before = canonical_name(check.before or "")
        named = [i for i, step in enumerate(gated) if step.call and step.call.task == before]
        changing = [i for i, step in enumerate(gated) if step.call and not step.only_looks]
        for index in named or changing[:1]:
            step = gated[index]
            if call not in [gate.call for gate in step.gate]:
                gate = PlannedGate(call=call, timeout=check.timeout or DEFAULT_GATE_TIMEOUT)
                gates = _numbered((*step.gate, gate))
                gated[index] = step.model_copy(update={"gate": gates})
    return gated


def _refuse_gated_attestation(kind: StepKind, where: str) -> None:
    if kind is StepKind.ATTEST:
        raise WrongUsage(
            f"{where}: a gate before an attestation would never be asked.",
            still_safe="nothing was started.",
            next_step="put the check into a step of its own, before the attestation.",
        )


def _escaped(value: Scalar) -> Scalar:
    return value.replace("${", "$${") if isinstance(value, str) else value


def _numbered(gates: Iterable[PlannedGate]) -> tuple[PlannedGate, ...]:
    """The checks, each with a name of its own: the same task with other arguments is another check."""
    seen: dict[str, int] = {}
    named: list[PlannedGate] = []
    for gate in gates:
        count = seen[gate.call.task] = seen.get(gate.call.task, 0) + 1
        named.append(gate.model_copy(update={"name": f"{gate.call.task} ({count})"}) if count > 1 else gate)
    return tuple(named)
