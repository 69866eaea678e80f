"""Plans for screen tests: a small production deploy with everything that a screen must show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from handrail.project.model import Target
from handrail.run.plan import (
    Plan,
    PlannedCall,
    PlannedGate,
    PlannedOtherWay,
    PlannedStep,
    PlannedUndo,
    UndoKind,
    Usual,
)
from handrail.runbook.model import StepKind
from handrail.values import TriggerClass
from windows import SIGNALS

TARGET = Target(name="production", production=True, checkout=Path("/srv/shop"), url="https://shop.example")


def task(key: str, section: str, title: str, name: str, **fields: object) -> PlannedStep:
    """A step that runs a task."""
    arguments = fields.pop("arguments", {})
    return PlannedStep.model_validate(
        {
            "key": key,
            "section": section,
            "title": title,
            "kind": StepKind.TASK,
            "call": PlannedCall(task=name, arguments=arguments),
            **fields,
        }
    )


ROLLBACK_CODE = (
    task(
        "restore",
        "Code",
        "Check out the previous release",
        "git.checkout",
        arguments={"ref": "${facts.previous_release}"},
        estimate=timedelta(seconds=5),
    ),
    task("install", "Code", "Install its dependencies", "node.install", estimate=timedelta(seconds=20)),
    task("restart", "Code", "Restart the application", "pm2.reload", estimate=timedelta(seconds=15)),
    task("verify", "Code", "Verify the served version", "pm2.verify", estimate=timedelta(seconds=10)),
)
BY_RUNBOOK = PlannedUndo(kind=UndoKind.RUNBOOK, runbook="rollback-code")


RESTORE_DATABASE = (
    task(
        "loss",
        "What would be lost",
        "Look what was written since the backup",
        "database.loss",
        arguments={"backup": "${param.backup}"},
        kind=StepKind.CHECK,
        estimate=timedelta(seconds=20),
    ),
    PlannedStep(
        key="agree",
        section="What would be lost",
        title="Somebody answers for the loss",
        kind=StepKind.ATTEST,
        statement="Whoever answers for this data agrees.",
        estimate=timedelta(seconds=40),
    ),
    task(
        "restore",
        "Restore",
        "Restore the backup",
        "database.restore",
        arguments={"backup": "${param.backup}"},
        estimate=timedelta(seconds=60),
        irreversible="what was written since is lost",
    ),
)


def other_way_plan() -> Plan:
    """The same deploy, whose migration has a way down, and another way where that fails."""
    plan = deploy_plan()
    back = PlannedUndo(
        kind=UndoKind.TASK,
        call=PlannedCall(task="database.migrate_down"),
        estimate=timedelta(seconds=30),
        otherwise=PlannedOtherWay(
            runbook="restore-database",
            title="Restore the database",
            arguments={"backup": "${facts.backup}"},
        ),
    )
    steps = (step.model_copy(update={"undo": back}) if step.key == "migrate" else step for step in plan.steps)
    undo_runbooks = {**plan.undo_runbooks, "restore-database": RESTORE_DATABASE}
    return plan.model_copy(update={"steps": tuple(steps), "undo_runbooks": undo_runbooks})


def watched_plan(*, by_itself: bool = False, minutes: int = 30, **changes: object) -> Plan:
    """A short deploy with a baseline before it, the end of maintenance, and a watch after it."""
    plan = deploy_plan()
    kept = [step for step in plan.steps if step.key in ("maintenance", "checkout", "restart")]
    baseline = PlannedStep(
        key="baseline",
        section="Before",
        title="Take a baseline",
        kind=StepKind.BASELINE,
        watch_for=timedelta(minutes=1),
    )
    opened = task(
        "open",
        "Maintenance",
        "Disable maintenance mode",
        "maintenance.disable",
        undo=PlannedUndo(
            kind=UndoKind.TASK, call=PlannedCall(task="maintenance.enable"), estimate=timedelta(seconds=2)
        ),
    )
    watch = PlannedStep(
        key="watch",
        section="Watch",
        title="Watch the release",
        kind=StepKind.WATCH,
        watch_for=timedelta(minutes=minutes),
        on_failure=TriggerClass.FAST,
        prose="Every signal is compared with its baseline, and its threshold.",
    )
    on_deadline = dict.fromkeys(TriggerClass, "rollback") if by_itself else {}
    target = TARGET.model_copy(update={"on_deadline": on_deadline})
    fields = {"steps": (baseline, *kept, opened, watch), "signals": SIGNALS, "target": target, **changes}
    return plan.model_copy(update=fields)


def deploy_plan(**changes: object) -> Plan:
    """A production deploy with announcement, maintenance, code, migration, smoke tests and attestation."""
    steps = (
        task(
            "announce",
            "Announce",
            "Announce the deployment",
            "announce.post",
            arguments={"text": "Deploying faster checkout to production"},
            estimate=timedelta(seconds=2),
            undo=PlannedUndo(kind=UndoKind.NOTHING, reason="the channel is told of the rollback"),
            prose="Tell everyone in **#deployments** what is shipped, and when.",
        ),
        task(
            "maintenance",
            "Maintenance",
            "Enable maintenance mode",
            "maintenance.enable",
            estimate=timedelta(seconds=3),
            undo=PlannedUndo(
                kind=UndoKind.TASK,
                call=PlannedCall(task="maintenance.disable"),
                estimate=timedelta(seconds=3),
            ),
        ),
        task(
            "checkout",
            "Deploy the code",
            "Check out the release",
            "git.checkout",
            arguments={"ref": "v1.3.1"},
            estimate=timedelta(seconds=4),
            undo=BY_RUNBOOK,
            probe=PlannedCall(task="git.at", arguments={"ref": "v1.3.1"}),
        ),
        task(
            "install",
            "Deploy the code",
            "Install dependencies",
            "node.install",
            estimate=timedelta(seconds=40),
            undo=BY_RUNBOOK,
            idempotent=False,
            prose="Runs `npm ci` where the lock allows it.\n\n- takes about a minute\n- safe to run again",
        ),
        task(
            "migrate",
            "Deploy the code",
            "Run database migrations",
            "database.migrate",
            gate=(PlannedGate(call=PlannedCall(task="database.backed_up")),),
            prose="Migrations run **in one transaction each**. A killed client goes on in the server: look "
            "at `pg_stat_activity` before anything is repeated.",
            irreversible="dropped columns can't be brought back",
            irreversible_when="${facts.destructive}",
            undo=PlannedUndo(kind=UndoKind.NOTHING, reason="the new column does not disturb the old code"),
        ),
        task(
            "restart",
            "Deploy the code",
            "Restart the application servers",
            "pm2.reload",
            estimate=timedelta(seconds=12),
            undo=BY_RUNBOOK,
        ),
        task(
            "smoke",
            "Smoke tests",
            "Check out a basket as a user",
            "smoke.flow",
            arguments={"flow": "checkout"},
            kind=StepKind.CHECK,
            on_failure=TriggerClass.IMMEDIATE,
            estimate=timedelta(seconds=8),
        ),
        PlannedStep(
            key="dashboards",
            section="Smoke tests",
            title="Look at the dashboards",
            kind=StepKind.ATTEST,
            statement="Error rates and response times are where they were before.",
            on_failure=TriggerClass.FAST,
        ),
    )
    fields: dict[str, object] = {
        "runbook": "production-deploy",
        "title": "Deploy to production",
        "target": TARGET,
        "steps": steps,
        "undo_runbooks": {"rollback-code": ROLLBACK_CODE},
        "usual": {"install": Usual(median=38.0, high=52.0, count=9)},
        "parameters": {"feature": "faster checkout"},
    }
    return Plan.model_validate({**fields, **changes})
