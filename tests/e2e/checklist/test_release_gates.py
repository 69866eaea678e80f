"""Review and tests in the shipped deployment, on the whole sandbox: each holds a release back by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from e2e.checklist.conftest import Team
from e2e.faults.desk import Desk
from handrail.errors import ExitCode
from handrail.run.state import StepStatus
from sandbox_fixture import Shop

pytestmark = pytest.mark.e2e
BROKEN_TEST = """\
const { test } = require('node:test');
test('the shop is perfect', () => { throw new Error('it is not'); });
"""
HELD = "maintenance-on/put-up-the-maintenance-page"
DEPLOY = ("production-deploy", "--param", "feature=A change")


def operators_key(shop: Shop, folder: Path) -> Path:
    """A key of the operator's own, which the project lists beside the reviewer's."""
    key = folder / "operator"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    kind, public = key.with_suffix(".pub").read_text().split()[:2]
    with shop.sandbox.layout.allowed_signers.open("a") as signers:
        signers.write(f"operators@shop.invalid {kind} {public}\n")
    return key


@pytest.mark.long
def test_a_release_waits_for_its_review_and_for_its_tests(
    desk: Desk, open_shop: Shop, team: Team, tmp_path: Path
) -> None:
    commit = team.push("feature/perfect", on="v1.3.0", files={"test/catalogue.test.js": BROKEN_TEST})
    said = desk.auto(*DEPLOY, "--param", "ref=feature/perfect")
    said.says(
        f"0 of 1 approval(s) for {commit[:12]}",
        f"ask a colleague to approve it by `handrail approve {commit[:12]} --target production`",
        code=ExitCode.REFUSED,
    )
    assert desk.step(HELD).status is StepStatus.HELD
    assert desk.run().facts["release_commit"] == commit

    # Whoever deploys it can sign, too, and it doesn't count.
    for key, who in (
        (operators_key(open_shop, tmp_path), "operators@shop.invalid"),
        (open_shop.sandbox.layout.reviewer_key, "reviewer@shop.invalid"),
    ):
        assert "tests.passed" not in str(desk.run().attempts)
        desk.call("approve", commit, "--key", str(key)).says(f"Approved by {who}", code=0)
        said = desk.type("retry", "wait")
        if who.startswith("operators"):
            said.says("0 of 1 approval(s)", "is the operator", code=ExitCode.DETACHED)
    said.says("1 of 1 approval(s)", f"tests failed for {commit[:12]}: unit", code=ExitCode.DETACHED)
    facts = desk.run().facts
    assert facts["approved_commit"] == commit
    assert "tested_commit" not in facts
    assert facts["tests_unit"].endswith("1 failed, 0 skipped")
    assert facts["tests_e2e"] == "3 passed, 0 failed, 0 skipped"
    assert "tests failed" in desk.step(HELD).why
    assert open_shop.get("/").status_code == 200, "no visitor has noticed anything"
    assert open_shop.version() == "1.2.3"
    desk.nothing_lost()
