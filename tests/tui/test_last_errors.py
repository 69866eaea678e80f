"""What a failed step says of its log's errors that later lines have moved out of view."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.cli.issues import KnownIssues
from handrail.run import commands as c
from handrail.run.state import StepState
from handrail.tui.app import HandrailApp
from handrail.tui.last_errors import LONGEST_LINE, TAIL_BYTES, LastErrors
from tui.driver import Driver, Engine
from tui.plans import deploy_plan

NOISE = "".join(f"cleaning up {number}\n" for number in range(20))
ERROR = "Error: listen EACCES: permission denied 0.0.0.0:80\n"
PATTERNS = ("error", "exception")


def failed(folder: Path, log: str, step: str = "announce") -> Engine:
    engine = Engine(deploy_plan(), folder)
    while (current := engine.state.current).key != step:
        engine.session().send(c.StartStep(step=current.key))
        engine.work()
        while engine.state.running is not None:
            engine.end(verdict="pass")
    engine.session().send(c.StartStep(step=step))
    engine.work()
    engine.end(1, log=log)
    return engine


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        pytest.param(f"begun\n{ERROR}{NOISE}", (ERROR.strip(),), id="one, out of view"),
        pytest.param(f"{NOISE}{ERROR}done\n", (), id="in view anyway"),
        pytest.param(NOISE, (), id="none"),
        pytest.param("", (), id="no log"),
        pytest.param(
            f"error 1\nerror 2\nerror 3\nerror 4\n{NOISE}", ("error 2", "error 3", "error 4"), id="the last"
        ),
        pytest.param(f"npm ERR! code E1\n{NOISE}", ("npm ERR! code E1",), id="as npm says it"),
        pytest.param(f"a warning\n{NOISE}", (), id="a warning is none"),
        pytest.param(
            f"\x1b[31merror\x1b[0m \x1b[2Jhunter22\n{NOISE}", ("error ␛[2J••••••",), id="cleaned and masked"
        ),
        pytest.param(f"error {'x' * 999}\n{NOISE}", (f"error {'x' * 999}"[:LONGEST_LINE],), id="long"),
        pytest.param(f"error\n{'y' * TAIL_BYTES}\n{NOISE}", (), id="too far back"),
    ],
)
def test_the_last_errors(tmp_path: Path, log: str, shown: tuple[str, ...]) -> None:
    engine = failed(tmp_path, log)
    found = LastErrors(engine.log_path, PATTERNS, ["hunter22"]).of(engine.state, engine.state.current)
    assert found == shown


def test_what_the_reason_says_is_no_error_of_the_log(tmp_path: Path) -> None:
    why = "`check --no-errors` ended with exit code 1"
    engine = Engine(deploy_plan(), tmp_path)
    engine.session().send(c.StartStep(step="announce"))
    engine.work()
    engine.end(1, verdict="fail", evidence=why, log=f"{ERROR}{NOISE}{why}\n")
    assert why in engine.state.current.why
    found = LastErrors(engine.log_path, PATTERNS).of(engine.state, engine.state.current)
    assert found == (ERROR.strip(),)


def test_a_log_is_read_once_for_each_attempt(tmp_path: Path) -> None:
    engine = failed(tmp_path, f"error 1\n{NOISE}")
    reads: list[int] = []

    def path(run: str, attempt: int) -> Path:
        reads.append(attempt)
        return engine.log_path(run, attempt)

    errors = LastErrors(path, PATTERNS)

    def shown() -> tuple[str, ...]:
        step: StepState = engine.state.steps["announce"]
        return errors.of(engine.state, step)

    assert shown() == shown() == ("error 1",)
    assert reads == [1]
    engine.session().send(c.RetryStep(step="announce", after_attempt=1))
    engine.work()
    assert shown() == ()
    engine.end(1, log=f"error 2\n{NOISE}")
    assert shown() == ("error 2",)
    assert reads == [1, 2]


async def test_a_failure_says_what_matters_at_once_on_a_small_screen(tmp_path: Path) -> None:
    engine = failed(tmp_path, f"starting\n{ERROR}{NOISE}")
    app = HandrailApp(session=engine.session(), log_path=engine.log_path)
    async with app.run_test(size=(80, 24)) as pilot:
        driver = await Driver(app, pilot, engine).settle()
        assert "Last errors in its log: Error: listen EACCES" in driver.said("#step-lines")
        assert "cleaning up 19" in driver.text("#log")


async def test_a_known_issue_stands_with_its_line_beside_the_logs_end(tmp_path: Path) -> None:
    engine = failed(tmp_path, f"npm ERR! code ERESOLVE\n{NOISE}", step="install")
    issues = KnownIssues(engine.state.plan, engine.log_path)
    app = HandrailApp(session=engine.session(), log_path=engine.log_path, issues=issues)
    async with app.run_test(size=(80, 24)) as pilot:
        driver = await Driver(app, pilot, engine).settle()
        pane = " ".join(row[41:] for row in driver.rows()[4:12])
        assert "Known issue: The dependencies don't" in pane
        assert "seen: npm ERR! code ERESOLVE" in pane
        assert "Last errors" not in driver.text("#step-lines")
        assert "cleaning up 19" in driver.text("#log")
