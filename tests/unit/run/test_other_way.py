"""Another way where an undo fails: when it may be taken, what it does then, and what is said of it."""

from __future__ import annotations

import shlex
from datetime import timedelta

import pytest

from handrail.project.model import Announce, Secret, Target
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.deadlines import countdowns, rollback_duration
from handrail.run.events import Purpose, read_event, write_event
from handrail.run.fold import fold
from handrail.run.machine import Rejected
from handrail.run.other_way import left_as_it_is, ways_by_hand
from handrail.run.plan import PlannedOtherWay, PlannedStep
from handrail.run.rules import why_not
from handrail.run.state import Phase, StepStatus
from walk import OPERATOR, TARGET, WATCHER, Walk, attest, check, smoke, task, undo

ANNOUNCING = TARGET.model_copy(update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))})
MINUTE = timedelta(minutes=1)
BACKUP, LATER = "/backups/a shop's $HOME.dump", "/backups/later.dump"
UNDO, LOSS, AGREE, RESTORE = "undo/migrate", "undo/restore/loss", "undo/restore/agree", "undo/restore/restore"
OTHERWISE = PlannedOtherWay(
    runbook="restore",
    title="Restore the database",
    arguments={"backup": "${facts.backup}", "sure": True},
)
RUNBOOK = (
    check("loss", arguments={"backup": "${param.backup}"}, estimate=MINUTE),
    attest("agree", estimate=MINUTE),
    task("restore", arguments={"backup": "${param.backup}"}, estimate=MINUTE, irreversible="rows are gone"),
)
TAKE = c.TakeOtherWay(step=UNDO, confirm="production", reason="the column is there already")


def deploy(
    *more: PlannedStep, otherwise: PlannedOtherWay | None = OTHERWISE, target: Target = TARGET
) -> Walk:
    return Walk(
        task("maintenance", undo=undo("maintenance", estimate=MINUTE)),
        task("backup", irreversible="a backup is kept"),
        task(
            "migrate",
            undo=undo("migrate", estimate=MINUTE, otherwise=otherwise),
            irreversible="the schema comes back, not the data",
        ),
        *more,
        smoke(),
        undo_runbooks={"restore": RUNBOOK},
        target=target,
    )


def to_smoke(walk: Walk) -> Walk:
    walk.run("maintenance")
    walk.start("backup")
    walk.end(0, facts={"backup": BACKUP})
    walk.run("migrate")
    walk.start("smoke")
    walk.end(1)
    return walk


def failed(**ending) -> Walk:
    walk = to_smoke(deploy())
    walk.roll_back()
    walk.end(**({"exit_code": 1, "evidence": "the column exists"} | ending))
    return walk


def taken() -> Walk:
    walk = failed()
    walk.do(TAKE)
    return walk


def finished(walk: Walk) -> Walk:
    while walk.state.phase is Phase.ROLLING_BACK:
        if walk.state.running is None:
            walk.do(c.Attest(step=AGREE))
        else:
            walk.end()
    return walk


def doubtful() -> Walk:
    walk = to_smoke(deploy())
    walk.roll_back()
    walk.see(c.ObserveDoubt(attempt=walk.state.running.number, evidence="the shim was killed"))
    return walk


def not_done() -> Walk:
    walk = doubtful()
    walk.do(c.ResolveDoubt(step=UNDO, done=False, reason="the schema is the new one"))
    return walk


def cancelled() -> Walk:
    walk = to_smoke(deploy())
    walk.roll_back()
    walk.do(c.CancelStep(attempt=walk.state.running.number))
    walk.end(1, cancelled=True)
    return walk


def held() -> Walk:
    walk = deploy(otherwise=OTHERWISE)
    wanting = walk.state.plan.steps[2]
    call = wanting.undo.call.model_copy(update={"arguments": {"to": "${facts.schema_before}"}})
    walk = Walk(
        *walk.state.plan.steps[:2],
        wanting.model_copy(update={"undo": wanting.undo.model_copy(update={"call": call})}),
        *walk.state.plan.steps[3:],
        undo_runbooks={"restore": RUNBOOK},
    )
    to_smoke(walk)
    walk.roll_back()
    return walk


def running() -> Walk:
    walk = to_smoke(deploy())
    walk.roll_back()
    return walk


def without() -> Walk:
    walk = to_smoke(deploy(otherwise=None))
    walk.roll_back()
    walk.end(1)
    return walk


def of_nothing() -> Walk:
    wrong = OTHERWISE.model_copy(update={"arguments": {"backup": "${facts.bakup}/${facts.of}"}})
    walk = to_smoke(deploy(otherwise=wrong))
    walk.roll_back()
    walk.end(1)
    return walk


def skipped() -> Walk:
    walk = failed()
    walk.do(c.SkipStep(step=UNDO, reason="by hand"))
    walk.end(1)
    return walk


@pytest.mark.parametrize("made", [failed, not_done, cancelled, held])
def test_it_may_be_taken_where_the_undo_failed_or_can_not_start(made) -> None:
    walk = made()
    assert why_not(walk.state, TAKE, OPERATOR) is None
    walk.do(TAKE)
    assert walk.running_task() == "do.loss", "what is confirmed goes on by itself"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: to_smoke(deploy()), "Nothing is being rolled back"),
        (running, "is running"),
        (doubtful, "say done or not done first"),
        (without, "The runbook names no other way for Undo: Migrate."),
        (of_nothing, "needs what no step of this run has reported: bakup, of."),
        (skipped, "Undo: Migrate is skipped already"),
        (taken, "is running"),
        (lambda: finished(taken()), "The run is over: rolled back"),
    ],
)
def test_it_is_refused_with_the_reason(made, reason) -> None:
    walk = made()
    with pytest.raises(Rejected, match=reason):
        walk.do(TAKE)


def test_it_is_taken_by_who_drives_by_the_targets_name_and_for_the_failed_step() -> None:
    walk = failed()
    for command, issuer, reason in (
        (TAKE, WATCHER, "You are watching"),
        (TAKE.model_copy(update={"confirm": "prod"}), OPERATOR, "Type the target's name, production"),
        (TAKE.model_copy(update={"step": "undo/maintenance"}), OPERATOR, "is not the next step"),
        (TAKE.model_copy(update={"step": "undo/nothing"}), OPERATOR, "There is no step undo/nothing"),
    ):
        with pytest.raises(Rejected, match=reason):
            walk.do(command, issuer)
    assert walk.step(UNDO).status is StepStatus.FAILED


def test_it_is_not_taken_twice() -> None:
    walk = taken()
    walk.end()
    with pytest.raises(Rejected, match="Undo: Migrate is replaced already"):
        walk.do(TAKE)


def test_its_steps_come_right_after_the_failed_one_which_stays_as_replaced() -> None:
    walk = taken()
    keys = [step.key for step in walk.state.undo_steps]
    assert keys == [UNDO, LOSS, AGREE, RESTORE, "undo/maintenance"]
    assert walk.step(UNDO).status is StepStatus.REPLACED
    assert walk.step(UNDO).why == (
        "Restore the database was taken instead (the column is there already). Before: the column exists"
    )
    assert walk.step(UNDO).by == OPERATOR.name
    assert [walk.step(key).instead_of for key in keys] == ["", UNDO, UNDO, UNDO, ""]
    walk.end()
    assert walk.state.current.key == AGREE
    assert walk.state.running is None, "a person is asked before anything is restored"
    finished(walk)
    assert walk.state.phase is Phase.ROLLED_BACK
    assert walk.state.deadlines_met is True


def test_the_journal_alone_leads_to_the_same_state() -> None:
    walk = finished(taken())
    history = [(read_event(write_event(event)), at) for event, at in walk.history]
    assert fold("run-1", history) == walk.state


def test_it_is_given_the_facts_of_the_moment_at_which_the_rollback_began() -> None:
    walk = failed(facts={"backup": LATER})
    walk.do(TAKE)
    assert walk.state.running.call.arguments == {"backup": BACKUP}
    walk.end(facts={"backup": LATER})
    walk.do(c.Attest(step=AGREE))
    assert walk.state.running.call.arguments == {"backup": BACKUP}


def test_what_nobody_agreed_to_does_not_begin_by_itself() -> None:
    walk = taken()
    walk.end()
    walk.do(c.Attest(step=AGREE, holds=False, note="ask the owner first"))
    assert walk.state.running is None
    walk.do(c.SkipStep(step=AGREE, reason="nobody can be reached"))
    assert walk.state.running is None
    assert walk.state.current.key == RESTORE
    walk.do(c.SkipStep(step=RESTORE, reason="tomorrow, by hand"))
    assert walk.running_task() == "undo.maintenance", "a task that is left out holds nothing up"


def test_the_countdown_includes_it() -> None:
    walk = failed()
    before = rollback_duration(walk.state).expected
    assert before == 2 * MINUTE
    walk.do(TAKE)
    assert rollback_duration(walk.state).expected == 4 * MINUTE, "its three, in the place of the failed one's"
    [countdown] = countdowns(walk.state, walk.clock.now())
    assert countdown.to_deadline - countdown.to_last_safe == 4 * MINUTE


def test_it_can_be_taken_for_each_undo_that_fails() -> None:
    second = task("more", undo=undo("more", otherwise=OTHERWISE))
    walk = deploy(second)
    walk.run("maintenance")
    walk.start("backup")
    walk.end(0, facts={"backup": BACKUP})
    walk.run("migrate", "more")
    walk.roll_back()
    walk.end(1)
    walk.do(c.TakeOtherWay(step="undo/more", confirm="production"))
    walk.end()
    walk.do(c.Attest(step=AGREE))
    walk.end()
    walk.end(1)
    walk.do(TAKE)
    assert [step.key for step in walk.state.undo_steps] == [
        "undo/more",
        *(LOSS, AGREE, RESTORE),
        UNDO,
        *(f"{key}-2" for key in (LOSS, AGREE, RESTORE)),
        "undo/maintenance",
    ]


def test_what_it_brought_back_and_what_it_lost_is_told_at_the_end() -> None:
    kept = ("Backup", "a backup is kept")
    schema_only = ("Migrate", "the schema comes back, not the data")
    walk = taken()
    assert set(left_as_it_is(walk.state)) == {kept, schema_only}, "nothing has been restored yet"
    finished(walk)
    assert set(left_as_it_is(walk.state)) == {kept, ("Restore", "rows are gone")}


def test_what_it_did_not_do_is_not_told_as_done() -> None:
    walk = taken()
    walk.end()
    walk.do(c.SkipStep(step=AGREE, reason="x"))
    walk.do(c.SkipStep(step=RESTORE, reason="x"))
    walk.end()
    assert set(left_as_it_is(walk.state)) == {
        ("Backup", "a backup is kept"),
        ("Migrate", "the schema comes back, not the data"),
    }


def test_the_command_for_it_alone_is_shown_once_it_has_what_it_needs() -> None:
    walk = deploy()
    walk.run("maintenance")
    assert ways_by_hand(walk.state) == (), "there is no backup yet"
    walk.start("backup")
    walk.end(0, facts={"backup": BACKUP})
    [way] = ways_by_hand(walk.state)
    assert way.title == "Restore the database"
    assert shlex.split(way.command) == [
        *("handrail", "run", "restore", "--target", "production"),
        *("--param", f"backup={BACKUP}", "--param", "sure=true"),
    ]


def test_the_channel_is_told() -> None:
    walk = to_smoke(deploy(target=ANNOUNCING))
    walk.roll_back()
    walk.end(1)
    told = next(event for event in walk.do(TAKE) if isinstance(event, e.AttemptStarted))
    assert told.purpose is Purpose.NOTICE
    assert told.call.arguments["text"] == (
        "Rolling back production another way: Restore the database, since this failed: Undo: Migrate. "
        f"By {OPERATOR.name}."
    )
