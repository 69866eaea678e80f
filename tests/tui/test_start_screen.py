"""What an operator sees and may do before a run exists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from handrail.clock import Instant
from handrail.errors import ExitCode, Refused, WrongUsage
from handrail.journal.session import RunSession
from handrail.project.model import Target
from handrail.run.plan import Plan
from handrail.runbook.model import FrontMatter, Parameter, Runbook
from handrail.tui.app import HandrailApp
from handrail.tui.earlier import FileDifference, LastRun, UsualRun
from handrail.tui.looking import GateLook, GateLooks, Look
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
        self.looks: GateLooks | None = None
        self.last: LastRun | None = None
        self.usual: UsualRun | None = None
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

    def gates(self) -> GateLooks | None:
        return self.looks

    def last_run(self, plan: Plan) -> LastRun | None:
        return self.last

    def usual_run(self, plan: Plan) -> UsualRun | None:
        return self.usual

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


class Looked:
    """A look whose findings a test gives."""

    def __init__(self) -> None:
        self.findings: tuple[GateLook, ...] = ()
        self.begun: list[bool] = []
        self.stopped = False
        self._new = False

    def begin(self, plan: Plan, *, again: bool) -> None:
        self.begun.append(again)

    def poll(self) -> bool:
        new, self._new = self._new, False
        return new

    def stop(self) -> None:
        self.stopped = True

    def see(self, *findings: GateLook) -> None:
        self.findings, self._new = findings, True


def gate_look(check: str, verdict: str = "", *, later: bool = False, **fields: object) -> GateLook:
    known = {"step": "migrate", "title": "Run database migrations", "check": check, "later": later}
    look = Look.SEEN if verdict else Look.LOOKING
    return GateLook(**{**known, "look": look, "verdict": verdict, **fields})  # type: ignore[arg-type]


async def test_what_gates_say_now_what_was_changed_and_what_it_takes(opening: Opened) -> None:
    looks = Looked()
    now = opening.now()
    opening.given = {"feature": "x"}
    opening.looks = looks
    changed = (FileDifference("runbooks/deploy.md", ("-timeout: 5m", "+timeout: 10m \x1b]0;owned\x07")),)
    opening.last = LastRun("run-0", "production", now, "RunFinished", True, changed)
    opening.usual = UsualRun(timedelta(seconds=250), timedelta(seconds=200), timedelta(seconds=362), 9)
    looks.findings = (gate_look("window.open"),)
    app = app_for(opening)
    async with app.run_test(size=(100, 30)) as pilot:
        driver = Driver(app, pilot, opening.engine)
        await driver.settle()
        assert "Gates now: looking at 1…" in driver.text("#gates")
        assert "usually 4m 10s of work (3m 20s to 6m 02s, 9 runs)" in driver.text("#plan-title")
        assert "1 file changed since" in driver.text("#changes")
        looks.see(
            gate_look("window.open", "pass", evidence="open until 17:00", seen=now),
            gate_look("review.approved", "fail", evidence="nobody\x1b[2J approved it", seen=now),
            gate_look("database.backed_up", "fail", later=True, seen=now),
            gate_look("tests.passed", look=Look.LEFT, why="it runs the test suite"),
        )
        opening.engine.clock.advance(timedelta(minutes=3))
        await pilot.pause(0.6)
        said = driver.text("#gates")
        assert "✓ 1 pass, ✗ 1 would hold, · 1 not now, 1 in the run" in said
        assert "seen 3m ago" in said
        await driver.press("tab", "tab", "j", "j", "j", "j")
        assert "would not pass now" in driver.said("#commands")
        await driver.press("c")
        sheet = driver.text()
        for words in ("A look, not the gate", "open until 17:00", "approved it", "it runs the test suite"):
            assert words in sheet
        await driver.press("a")
        assert looks.begun[-1] is True
        await driver.press("escape", "d")
        assert "+timeout: 10m" in driver.text()
        assert "\x1b" not in driver.text()
        await driver.press("escape", "escape")
    assert looks.stopped
    assert app.return_value == ExitCode.FINISHED
    assert opening.opened == []


async def test_esc_leaves_from_the_plan_as_from_a_field(opening: Opened) -> None:
    opening.given = {"feature": "x"}
    app = app_for(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("tab", "tab", "escape")
    assert app.return_value == ExitCode.FINISHED
