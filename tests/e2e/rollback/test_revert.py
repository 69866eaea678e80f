"""A whole run of `rollback-revert`: the bad release's commit is taken back, and what is left is served."""

from __future__ import annotations

import pytest

from e2e.faults.desk import Desk
from handrail.errors import ExitCode
from handrail.run.state import Phase, StepStatus
from handrail.run.undo import undo_plan
from sandbox_fixture import Shop

pytestmark = pytest.mark.e2e


@pytest.mark.long
def test_a_bad_commit_is_taken_back_and_what_is_left_is_served(desk: Desk, open_shop: Shop) -> None:
    shop = open_shop
    shop.deploy("v1.3.1")
    bad = shop.run("git", "rev-parse", "HEAD").strip()
    assert shop.get("/checkout").status_code == 500
    desk.auto("rollback-revert").says("The run is finished", code=ExitCode.FINISHED)
    state = desk.run()
    assert state.phase is Phase.FINISHED
    assert {step.status for step in state.steps.values()} == {StepStatus.PASSED}
    assert (state.facts["reverted"], state.facts["reverted_from"]) == (bad, bad)
    made = shop.run("git", "rev-parse", "HEAD").strip()
    served = shop.get("/version").json()
    assert (served["version"], served["commit"]) == ("1.3.0", made)
    assert shop.run("git", "rev-parse", "HEAD^").strip() == bad
    assert shop.run("git", "branch", "--show-current").strip() == f"revert/{bad[:12]}"
    assert shop.get("/checkout").status_code == 200
    # Not pushed, since nobody asked for it; and its own way back leads to what was served before.
    assert "revert/" not in shop.run("git", "ls-remote", "--heads", "origin")
    assert undo_plan(state).steps[0].call.arguments["ref"] == bad
    desk.nothing_lost()
