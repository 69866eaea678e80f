"""An emergency's place in a plan: which of the plan's checks it goes without, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from handrail.errors import Refused, WrongUsage
from handrail.policy.hotfix import NOT_ASKED, reason_given, why_not_skip
from handrail.project.model import Target
from handrail.run.plan import Emergency, Plan, PlannedGate, PlannedStep
from handrail.runbook.model import FrontMatter
from handrail.values import Scalar


def emergency_of(
    front_matter: FrontMatter, parameters: Mapping[str, Scalar], steps: Iterable[PlannedStep], target: Target
) -> Emergency | None:
    """The emergency that the parameters of such a runbook name; `None` for any other runbook.

    A rule that no step of the plan asks for is recorded under the name that the runbook gives it. Raises
    `WrongUsage` where incident or on-call engineer is missing, `Refused` for a rule that must stay.
    """
    rules = front_matter.emergency
    if rules is None:
        return None
    incident, on_call = (str(parameters.get(name) or "").strip() for name in (rules.incident, rules.on_call))
    if not incident or not on_call:
        raise WrongUsage(
            "An emergency names its incident and the on-call engineer.",
            still_safe="nothing was started.",
            next_step=f"give --param {rules.incident}=… and --param {rules.on_call}=…",
        )
    gates = {gate.call.task: gate for step in steps for gate in step.gate}
    skipped: dict[str, str] = {}
    refused: list[str] = []
    for parameter, patterns in rules.skips.items():
        if (reason := reason_given(parameters.get(parameter))) is None:
            continue
        for pattern in patterns:
            for check in [name for name in gates if fnmatchcase(name, pattern)] or [pattern]:
                skipped[check] = reason
    for check in skipped:
        if why := _why_not(check, gates.get(check), target):
            refused.append(why)
    if refused:
        raise Refused(
            "An emergency can't go without what it was asked to skip.",
            evidence="\n".join(refused),
            still_safe="nothing was started.",
            next_step="leave these rules in force, and let the run show whether they hold.",
        )
    for check, reason in NOT_ASKED.items():
        if check in gates and _why_not(check, gates[check], target) is None:
            skipped[check] = reason
    return Emergency(incident=incident, on_call=on_call, skipped=skipped)


def _why_not(check: str, gate: PlannedGate | None, target: Target) -> str | None:
    waivable = gate is None or gate.waivable
    return why_not_skip(check, waivable=waivable, never_waive=target.never_waive)


def waived_by(plan: Plan, step: PlannedStep) -> dict[str, str]:
    """The checks of a step that the plan's emergency goes without, each with its reason.

    The rules are asked again here: a plan that claims more than it may gets nothing by it.
    """
    emergency = plan.emergency
    if emergency is None:
        return {}
    return {
        gate.check: f"emergency {emergency.incident}: {emergency.skipped[gate.call.task]}"
        for gate in step.gate
        if gate.call.task in emergency.skipped and _why_not(gate.call.task, gate, plan.target) is None
    }


def emergency_words(emergency: Emergency) -> str:
    """An emergency in one line: its incident, who is on call, and each skipped rule with its reason."""
    words = f"EMERGENCY {emergency.incident}, on call: {emergency.on_call}"
    skipped = "; ".join(f"{check} ({reason})" for check, reason in emergency.skipped.items())
    return f"{words}; skipped: {skipped}" if skipped else f"{words}; no rule is skipped"
