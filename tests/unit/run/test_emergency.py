"""An emergency in a plan: named, its skipped rules with reasons, and nothing more than it may skip."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.errors import Refused, WrongUsage
from handrail.project.model import Announce, Target
from handrail.run import commands as c
from handrail.run.events import Purpose
from handrail.run.fold import fold
from handrail.run.machine import Rejected
from handrail.run.plan import Emergency, Plan
from handrail.run.planning import make_plan
from handrail.run.rules import why_not
from handrail.runbook import loader
from walk import OPERATOR, Walk, gate, task

RUNBOOK = """\
---
parameters:
  incident: {prompt: "Which?"}
  on_call: {prompt: "Who?"}
  skip_window: {prompt: "Why?", default: "no"}
  skip_staging: {prompt: "Why?", default: "no"}
emergency:
  skips:
    skip_window: [window.open]
    skip_staging: [staging.verified, staging.soaked]
---
# Hotfix
## Deploy
### Restart
```yaml step
task: pm2.reload
gate:
  - window.open
  - staging.verified
  - staging.soaked
  - database.backed_up
  - postmortem.none_overdue
```
"""
GIVEN = {"incident": "INC-1", "on_call": "@x", "skip_window": "no", "skip_staging": "no"}


@pytest.fixture
def planned(tmp_path: Path):
    def plan_of(text: str = RUNBOOK, never_waive: tuple[str, ...] = (), **given: str) -> Plan:
        (tmp_path / "mine.md").write_text(text)
        runbook = loader.load(tmp_path / "mine.md")
        target = Target(name="production", production=True, never_waive=never_waive)
        return make_plan(runbook, target, {**GIVEN, **given}, digests={}, project_root=tmp_path)

    return plan_of


def test_an_ordinary_runbook_is_no_emergency(planned) -> None:
    head, _, rest = RUNBOOK.partition("emergency:")
    assert planned(f"{head}---\n# Hotfix{rest.partition('# Hotfix')[2]}").emergency is None


def test_each_skipped_rule_is_recorded_with_its_reason(planned) -> None:
    plan = planned(skip_window="the shop is down", skip_staging="no time")
    assert plan.emergency.incident == "INC-1"
    assert plan.emergency.skipped == {
        "window.open": "the shop is down",
        "staging.verified": "no time",
        "staging.soaked": "no time",
        "postmortem.none_overdue": "an emergency does not wait for the post-mortem of another",
    }


def test_a_rule_that_is_not_skipped_stays(planned) -> None:
    assert set(planned().emergency.skipped) == {"postmortem.none_overdue"}


@pytest.mark.parametrize("missing", ["incident", "on_call"])
def test_it_names_the_incident_and_the_on_call_engineer(planned, missing: str) -> None:
    with pytest.raises(WrongUsage, match="names its incident"):
        planned(**{missing: "  "})


@pytest.mark.parametrize(
    ("never", "given"),
    [
        (("window.open",), {"skip_window": "the shop is down"}),
        (("staging.soaked",), {"skip_staging": "no time"}),
    ],
)
def test_what_the_target_never_waives_is_not_skipped(planned, never, given) -> None:
    with pytest.raises(Refused) as refused:
        planned(never_waive=never, **given)
    assert f"never waives {never[0]}" in str(refused.value)
    assert planned(never_waive=never).emergency is not None


def test_not_even_the_rule_that_an_emergency_is_not_asked_for(planned) -> None:
    assert planned(never_waive=("postmortem.none_overdue",)).emergency.skipped == {}


def test_a_gate_that_can_not_be_waived_is_not_skipped(planned) -> None:
    text = RUNBOOK.replace("  - window.open\n", "  - {check: window.open, waivable: false}\n")
    with pytest.raises(Refused, match="can't go without"):
        planned(text, skip_window="the shop is down")


def test_a_runbook_of_ones_own_can_not_skip_the_backup(planned) -> None:
    text = RUNBOOK.replace("[window.open]", "[database.backed_up]")
    with pytest.raises(Refused) as refused:
        planned(text, skip_window="it is late")
    assert "database.backed_up stays in force" in str(refused.value)


@pytest.mark.parametrize("pattern", ['"*"', '"d*"', '"?atabase.*"'])
def test_nor_by_a_pattern(planned, pattern: str) -> None:
    with pytest.raises(Refused):
        planned(RUNBOOK.replace("[window.open]", f"[{pattern}]"), skip_window="it is late")


def emergency(**skipped: str) -> Emergency:
    return Emergency(
        incident="INC-1", on_call="@x", skipped={n.replace("__", "."): r for n, r in skipped.items()}
    )


def test_a_skipped_check_is_not_run_and_the_others_are() -> None:
    step = task("restart", gate=(gate("staging.soaked"), gate("suite.passed")))
    walk = Walk(step, emergency=emergency(staging__soaked="the shop is down"))
    assert walk.step("restart").waived == {"staging.soaked": "emergency INC-1: the shop is down"}
    walk.start("restart")
    assert walk.state.running.purpose is Purpose.GATE
    assert walk.running_task() == "suite.passed"
    walk.end(1)
    assert walk.step("restart").status.value == "held"
    walk.do(c.RetryStep(step="restart", after_attempt=1))
    walk.end()
    assert walk.running_task() == "do.restart"


@pytest.mark.parametrize("check", ["window.open", "suite.passed", "database.backed_up"])
def test_a_hand_written_plan_gets_nothing_by_claiming_more(check: str) -> None:
    # The target of these walks never waives window.open.
    walk = Walk(
        task("restart", gate=(gate(check),)), emergency=emergency(**{check.replace(".", "__"): "mine"})
    )
    assert walk.step("restart").waived == {}
    walk.start("restart")
    assert walk.running_task() == check


def test_what_is_kept_can_be_waived_by_a_person_alone_and_only_where_that_is_allowed() -> None:
    walk = Walk(task("restart", gate=(gate("window.open"),)), emergency=emergency())
    waive = c.WaiveCheck(step="restart", check="window.open", reason="an emergency")
    assert "never waives" in (why_not(walk.state, waive, OPERATOR) or "")
    with pytest.raises(Rejected):
        walk.do(waive)


def test_the_emergency_survives_the_journal() -> None:
    from handrail.run.events import read_event, write_event

    walk = Walk(task("restart", gate=(gate("staging.soaked"),)), emergency=emergency(staging__soaked="why"))
    again = fold("run-1", [(read_event(write_event(event)), at) for event, at in walk.history])
    assert again == walk.state


def test_it_is_told_wherever_the_run_is() -> None:
    from handrail.reports.summary import as_values, plan_lines, status_lines
    from handrail.reports.timeline import timeline
    from handrail.tui.presenters.header import header_lines

    target = Target(name="production", production=True, announce=Announce(webhook="http://127.0.0.1:1/x"))
    walk = Walk(task("restart"), emergency=emergency(window__open="it burns"), target=target)
    now = walk.clock.now()
    for lines in (
        plan_lines(walk.state.plan, {}),
        status_lines(walk.state, now),
        [line.text for line in timeline("run-1", walk.history)],
    ):
        assert "EMERGENCY INC-1, on call: @x; skipped: window.open (it burns)" in "\n".join(lines)
    assert as_values(walk.state)["emergency"]["incident"] == "INC-1"
    for width in (40, 80, 120):
        shown = "".join(text for text, _ in header_lines(walk.state, OPERATOR, now, width)[0])
        assert "EMERGENCY INC-" in shown
