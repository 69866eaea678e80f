"""What an operator sees and may do before a run exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.clock import Instant
from handrail.errors import ExitCode, Refused, WrongUsage
from handrail.journal.session import RunSession
from handrail.project.model import Target
from handrail.run.plan import Plan
from handrail.runbook.model import FrontMatter, Parameter, Runbook
from handrail.tui.app import HandrailApp
from handrail.tui.screens.run import RunScreen
from tui.driver import Driver, Engine
from tui.plans import TARGET, deploy_plan

PARAMETERS = {
    "feature": Parameter(prompt="What is being shipped?"),
    "ref": Parameter(prompt="Tag or commit", default="v1.3.0", pattern=r"v\d+\.\d+\.\d+"),
}
RUNBOOK = Runbook(
    path=Path("production-deploy.md"),
    digest="0" * 64,
    text="",
    title="Deploy to production",
    introduction="",
    front_matter=FrontMatter(parameters=PARAMETERS),
    sections=(),
)


class Opened:
    """An opening on the engine of a test; `refusal` is what opening raises."""

    runbook = RUNBOOK
    target: Target = TARGET

    def __init__(self, engine: Engine, given: dict[str, str] | None = None) -> None:
        self.engine = engine
        self.given = given or {}
        self.refusal: Exception | None = None
        self.opened: list[dict[str, str]] = []

    def problems(self, values: dict[str, str]) -> dict[str, str]:
        wrong = {} if values["feature"] else {"feature": "a value is needed"}
        return wrong if values["ref"].startswith("v") else {**wrong, "ref": r"must match v\d+\.\d+\.\d+"}

    def preview(self, values: dict[str, str]) -> Plan:
        if values["ref"] == "v9":
            raise WrongUsage("There is no tag v9.", next_step="give a tag that exists.")
        return deploy_plan()

    def now(self) -> Instant:
        return self.engine.clock.now()

    def commands(self, plan: Plan) -> dict[str, list[str]]:
        return {"checkout": ["git fetch --tags origin", "git checkout v1.3.0"]}

    def open(self, values: dict[str, str]) -> RunSession:
        self.opened.append(values)
        if self.refusal is not None:
            raise self.refusal
        return self.engine.session()


@pytest.fixture
def opening(tmp_path: Path) -> Opened:
    return Opened(Engine(deploy_plan(), tmp_path))


def app_for(opening: Opened) -> HandrailApp:
    return HandrailApp(opening=opening, log_path=opening.engine.log_path)


async def test_parameters_are_checked_as_they_are_typed_and_the_plan_is_shown(opening: Opened) -> None:
    app = app_for(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        driver = Driver(app, pilot, opening.engine)
        await driver.settle()
        assert "PRODUCTION" in driver.text()
        assert "Nothing has been started" in driver.text()
        assert "✗ a value is needed" in driver.text()
        assert "Correct the parameters above" in driver.text()
        await driver.press("ctrl+s")
        assert "feature: a value is needed" in driver.text()
        assert opening.opened == []
        await driver.type("faster checkout")
        await pilot.pause(0.4)
        assert "✗" not in driver.text("#parameters")
        assert "Check out the release" in driver.text("#plan")
        await driver.press("enter", "enter", "j", "j")
        assert "$ git checkout v1.3.0" in driver.text("#commands")
        await driver.press("enter")
        assert isinstance(app.screen, RunScreen)
        assert opening.opened == [{"feature": "faster checkout", "ref": "v1.3.0"}]


async def test_a_refusal_says_by_whom_and_leaves_what_was_typed(opening: Opened) -> None:
    opening.given = {"feature": "faster checkout"}
    opening.refusal = Refused(
        "The target production is locked by run 7.",
        evidence="held by review@bastion, since 2026-01-02 03:04:05 UTC",
        still_safe="nothing was started.",
        next_step="`handrail attach 7` to join that run.",
    )
    app = app_for(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        driver = Driver(app, pilot, opening.engine)
        await driver.settle()
        await driver.press("ctrl+s")
        text = driver.said("#start-error")
        assert "locked by run 7" in text
        assert "held by review@bastion, since 2026-01-02 03:04:05 UTC" in text
        assert "handrail attach 7" in text
        assert "faster checkout" in driver.text("#parameters")
        opening.refusal = None
        await driver.press("ctrl+s")
        assert isinstance(app.screen, RunScreen)


async def test_a_plan_that_cant_be_made_is_said_and_nothing_can_be_opened(opening: Opened) -> None:
    opening.given = {"feature": "x", "ref": "v9"}
    app = app_for(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        driver = Driver(app, pilot, opening.engine)
        await driver.settle()
        assert "There is no tag v9" in driver.text("#start-error")
        assert "Open run" not in driver.text("#start-keys")
        await driver.press("ctrl+s")
        assert opening.opened == []
        await driver.press("escape")
    assert app.return_value == ExitCode.FINISHED


async def test_it_fits_a_small_terminal(opening: Opened) -> None:
    opening.given = {"feature": "x"}
    app = app_for(opening)
    async with app.run_test(size=(40, 15)) as pilot:
        driver = Driver(app, pilot, opening.engine)
        await driver.settle()
        for words in ("PRODUCTION", "What is being shipped?", "Announce the deployment", "Open run"):
            assert words in driver.text()
