"""The machine and the application's processes on the run's screen: what is known, and what is not good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from handrail.project.model import Pm2
from handrail.project.signals import signals_of
from handrail.reports.vitals import Vital, vitals
from handrail.run import commands as c
from handrail.run.plan import Plan
from handrail.signals.judgement import SignalVerdict
from handrail.signals.signal import Signal, SignalKind
from handrail.tui.presenters.line import text_of
from handrail.tui.presenters.vitals import fits_line, fits_pane, steadied, vitals_line, vitals_pane
from tui.driver import Engine, driven
from tui.plans import TARGET, deploy_plan, watched_plan
from windows import Seen

SIGNALS = signals_of(TARGET.model_copy(update={"pm2": Pm2(ecosystem="ecosystem.config.cjs")}))
WELL: Mapping[str, Seen] = {
    "health": [0.0] * 5,
    "processes": [0.0] * 4,
    "restarts": [0],
    "memory": [2.12e8],
    "cpu": [3.2],
    "host cpu": [12.3],
    "host memory": [34.2],
    "disk free": [81.4],
}
PM2_IS_BLIND = {**WELL, "processes": [None], "restarts": [None], "memory": [None], "cpu": [None]}
ALL_BLIND: Mapping[str, Seen] = {name: [None] for name in WELL}
LINE = " host cpu 12%  memory 34%  disk 81% free   app 4 of 4 online  212MB  cpu 3%"


def plan_of(**changes: object) -> Plan:
    return watched_plan(**{"signals": SIGNALS, **changes})  # type: ignore[arg-type]


def sampled(folder: Path, *seen: Mapping[str, Seen]) -> Engine:
    engine = Engine(plan_of(), folder)
    engine.see_windows(*seen)
    return engine


def said(engine: Engine, width: int = 80) -> str:
    return text_of(vitals_line(vitals(engine.state, engine.clock.now()), width))


def pane(engine: Engine) -> str:
    return "\n".join(text_of(row) for row in vitals_pane(vitals(engine.state, engine.clock.now())))


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param([WELL], LINE, id="well"),
        pytest.param(
            [{**WELL, "processes": [0, 0, 1.0, 0]}],
            " host cpu 12%  memory 34%  disk 81% free   app ! warning: 3 of 4 online  212MB",
            id="one process is not online",
        ),
        pytest.param(
            [{**WELL, "processes": [0, 0, 1.0, 0, 0, 0, 1.0, 0], "memory": [2.12e8] * 2}],
            " host cpu 12%  memory 34%  disk 81% free   app ! warning: 3 of 4 online  212MB",
            id="two looks in one window",
        ),
        pytest.param(
            [{**WELL, "processes": [1.0], "restarts": [None], "memory": [None], "cpu": [None]}],
            " host cpu 12%  memory 34%  disk 81% free   app ! warning: no process",
            id="no process at all",
        ),
        pytest.param(
            [{**WELL, "restarts": [3]}, WELL],
            " host cpu 12%  memory 34%  disk 81% free   app 4 of 4 online  3 restarts  212MB",
            id="restarts",
        ),
        pytest.param(
            [{**WELL, "disk free": [3.26]}],
            " host cpu 12%  memory 34%  ! warning: disk 3.3% free   app 4 of 4 online  212MB",
            id="hardly any room",
        ),
        pytest.param(
            [WELL, PM2_IS_BLIND],
            " host cpu 12%  memory 34%  disk 81% free   ? app unknown since 22:13:25 UTC",
            id="pm2 doesn't answer",
        ),
        pytest.param(
            [WELL, {**WELL, "host cpu": [None]}],
            " host ? cpu unknown since 22:13:25 UTC  disk 81% free   app 4 of 4 online",
            id="one of them is blind",
        ),
        pytest.param([ALL_BLIND], " ? host unknown   ? app unknown", id="never known"),
        pytest.param([], "", id="nothing was sampled"),
    ],
)
def test_the_line_says_what_is_known_and_marks_what_is_not_good(
    tmp_path: Path, seen: list[Mapping[str, Seen]], words: str
) -> None:
    assert said(sampled(tmp_path, *seen)) == words


def test_a_value_is_not_called_current_once_it_is_older_than_the_sampling_explains(tmp_path: Path) -> None:
    engine = sampled(tmp_path, WELL)
    engine.clock.advance(timedelta(seconds=45))
    assert said(engine) == LINE
    engine.clock.advance(timedelta(seconds=1))
    assert said(engine) == " ? host unknown since 22:13:25 UTC   ? app unknown since 22:13:25 UTC"
    assert "? unknown   host cpu     was 12% at 22:13:25 UTC" in pane(engine)
    engine.see_windows(WELL)
    assert said(engine) == LINE


def test_a_slow_signal_may_be_as_old_as_its_pace(tmp_path: Path) -> None:
    slow = tuple(each.model_copy(update={"every": 60.0}) for each in SIGNALS)
    engine = Engine(plan_of(signals=slow), tmp_path)
    engine.see_windows(WELL)
    engine.clock.advance(timedelta(seconds=90))
    assert said(engine) == LINE


def test_every_width_keeps_what_is_marked(tmp_path: Path) -> None:
    engine = sampled(tmp_path, {**WELL, "processes": [1.0, 0, 0, 0], "disk free": [1.0]})
    for width in range(10, 170):
        found = said(engine, width)
        assert len(found) <= width
        if width >= 80:
            assert "! warning: disk 1% free" in found
            assert "! warning: 3 of 4 online" in found


def test_the_engines_verdict_is_told_while_it_watches(tmp_path: Path) -> None:
    engine = Engine(plan_of(minutes=1), tmp_path)
    session = engine.session()
    session.send(c.StartStep(step="baseline"))
    engine.work()
    engine.see_windows(*[WELL] * 12)
    while (step := engine.state.current).key != "watch":
        session.send(c.StartStep(step=step.key))
        engine.work()
        engine.end(facts={"previous_release": "v1.2.3"})
    session.send(c.StartStep(step="watch"))
    engine.work()
    engine.see_windows(WELL)
    assert "· sampled   processes    4 of 4 online" in pane(engine)
    engine.see_windows(*[{**WELL, "disk free": [3.2], "restarts": [2]}] * 4)
    assert "✗ BAD: disk 3.2% free" in said(engine)
    assert "✗ BAD: 8 restarts" in said(engine)
    assert "✗ BAD       restarts     8 restarts in 1m" in pane(engine)


def test_only_what_the_target_samples_of_machine_and_processes_is_shown(tmp_path: Path) -> None:
    own = Signal(name="memory", kind=SignalKind.LEVEL, source="the task look", unit="bytes")
    engine = Engine(plan_of(signals=(own, SIGNALS[-1])), tmp_path)
    engine.see_windows({"memory": [5.0], "disk free": [50.0]})
    assert said(engine) == " host disk 50% free"
    unwatched = Engine(deploy_plan(), tmp_path)
    assert vitals(unwatched.state, unwatched.clock.now()) == ()


def test_a_run_that_is_over_shows_none(tmp_path: Path) -> None:
    engine = sampled(tmp_path, WELL)
    engine.session().send(c.AbortRun(reason="not today"))
    engine.work()
    assert said(engine) == ""


@pytest.mark.parametrize(
    ("name", "unit", "before", "found", "shown"),
    [
        ("host cpu", "%", 12.0, 13.9, 12.0),
        ("host cpu", "%", 12.0, 14.1, 14.1),
        ("memory", "bytes", 200e6, 205e6, 200e6),
        ("memory", "bytes", 200e6, 215e6, 215e6),
        ("processes", "", 0.0, 1.0, 1.0),
        ("restarts", "", 1.0, 2.0, 2.0),
    ],
)
def test_a_trifle_changes_no_number(name: str, unit: str, before: float, found: float, shown: float) -> None:
    signal = Signal(name=name, kind=SignalKind.LEVEL, unit=unit)
    (made,) = steadied({name: Vital(signal, before)}, [Vital(signal, found)])
    assert made.value == shown
    worse = Vital(signal, found, verdict=SignalVerdict.WARNING)
    assert steadied({name: Vital(signal, before)}, [worse]) == (worse,)


def test_small_terminals_have_other_uses_for_a_row() -> None:
    assert fits_line(80, 24, counting=False)
    assert not fits_line(80, 24, counting=True)
    assert not fits_line(80, 23, counting=False)
    assert not fits_line(40, 15, counting=False)
    assert fits_pane(120, 40)
    assert not fits_pane(119, 40)
    assert not fits_pane(160, 39)


async def test_the_line_appears_with_the_first_sample_and_is_repainted_only_for_a_change(
    tmp_path: Path,
) -> None:
    engine = Engine(plan_of(), tmp_path)
    async with driven(engine) as driver:
        line = driver.app.screen.query_one("#vitals")
        assert not line.display
        engine.see_windows(WELL)
        await driver.settle()
        assert driver.text("#vitals").rstrip() == LINE
        painted = line.visual
        engine.see_windows({**WELL, "host cpu": [14.0], "cpu": [4.0]})
        await driver.settle()
        assert line.visual is painted
        engine.see_windows({**WELL, "processes": [0, 1.0, 0, 0]})
        await driver.settle()
        assert "app ! warning: 3 of 4 online" in driver.text("#vitals")
        engine.time_passes(60)
        await driver.settle()
        assert "? host unknown since" in driver.text("#vitals")


async def test_a_wide_screen_has_a_pane_and_one_pane_alone_has_none(tmp_path: Path) -> None:
    engine = Engine(plan_of(), tmp_path)
    async with driven(engine, size=(160, 50)) as driver:
        assert "not sampled yet" in driver.text("#vitals-lines")
        engine.see_windows(WELL)
        await driver.settle()
        assert not driver.app.screen.query_one("#vitals").display
        assert "· sampled   host memory  34%" in driver.text("#vitals-lines")
        assert "· sampled   processes    4 of 4 online" in driver.text("#vitals-lines")
        await driver.press("v")
        assert not driver.app.screen.query_one("#vitals-pane").display
        assert driver.app.screen.query_one("#vitals").display
        await driver.press("v", "v", "v")
        assert driver.app.screen.query_one("#vitals-pane").display


async def test_a_short_screen_has_neither(tmp_path: Path) -> None:
    engine = sampled(tmp_path, WELL)
    async with driven(engine, size=(40, 15)) as driver:
        assert not driver.app.screen.query_one("#vitals").display
        assert not driver.app.screen.query_one("#vitals-pane").display
