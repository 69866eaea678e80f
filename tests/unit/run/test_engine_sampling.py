"""The engine samples an open run: killed at any line, it loses no deadline and takes no gap for good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.errors import StorageFault
from handrail.journal.base import AFTER_COMMIT, BEFORE_COMMIT
from handrail.run import commands as c
from handrail.run.clean_time import clean_seconds
from handrail.run.state import Phase
from handrail.signals.window import SignalWindow, Tally
from scripted import House, Killed
from walk import TARGET, task, undo
from watched import BAD, GOOD, RESTARTS, VISITORS, WINDOW, watch_step

SIGNALS = (VISITORS, RESTARTS)


def house(*steps, **fields) -> House:
    default = (task("deploy", undo=undo("deploy")), watch_step(minutes=5))
    return House(*(steps or default), signals=SIGNALS, target=TARGET, **fields)


def window(house: House, visitors: Tally = GOOD) -> SignalWindow:
    """The next window; time passes by it."""
    start = house.clock.now()
    house.clock.advance(timedelta(seconds=WINDOW))
    return SignalWindow(start=start, seconds=WINDOW, tallies={"visitors": visitors, "restarts": Tally(n=1)})


def pass_windows(house: House, engine, count: int, visitors: Tally = GOOD) -> None:
    for _ in range(count):
        house.sampler.windows.append(window(house, visitors))
        engine.turn()


def deployed(house: House):
    engine = house.engine()
    pass_windows(house, engine, 60)
    house.screen.send(c.StartStep(step="deploy"))
    engine.turn()
    house.world.end(1)
    engine.turn()
    house.screen.send(c.StartStep(step="watch"))
    engine.turn()
    return engine


def test_at_rest_windows_are_journaled_together_and_in_a_watch_one_by_one() -> None:
    run = house()
    engine = run.engine()
    pass_windows(run, engine, 12)
    sampled = [r for r in run.journal.read("run-1") if r.type == "SignalsSampled"]
    assert [len(r.body["windows"]) for r in sampled] == [1, 1]
    assert engine.state.watch.windows[0].seconds == 30
    assert engine.state.watch.windows[0].tallies["visitors"].n == 60
    engine = deployed(run)
    pass_windows(run, engine, 3)
    sampled = [r for r in run.journal.read("run-1") if r.type == "SignalsSampled"]
    assert [r.body["windows"][0]["seconds"] for r in sampled[-3:]] == [5, 5, 5]


def test_a_run_without_a_watch_samples_nothing() -> None:
    run = house(task("deploy", undo=undo("deploy")), task("b"))
    run.engine().turn()
    assert run.sampler.stopped


def test_the_sampling_ends_with_the_run() -> None:
    run = house()
    engine = deployed(run)
    assert not run.sampler.stopped
    pass_windows(run, engine, 60)
    assert engine.state.phase is Phase.FINISHED
    engine.turn()
    assert run.sampler.stopped


@pytest.mark.parametrize("point", [BEFORE_COMMIT, AFTER_COMMIT])
def test_an_engine_killed_in_the_watch_loses_at_most_a_window_and_moves_no_deadline(point) -> None:
    run = house()
    engine = deployed(run)
    pass_windows(run, engine, 5)
    pass_windows(run, engine, 12, BAD)
    [trigger] = engine.state.open_triggers
    run.sampler.windows.append(window(run))
    run.faults.arm(point)
    with pytest.raises(Killed):
        engine.turn()
    run.clock.advance(timedelta(seconds=60))
    engine = run.engine()
    engine.turn()
    assert engine.state.open_triggers == (trigger,)
    before = clean_seconds(engine.state)
    pass_windows(run, engine, 1)
    assert clean_seconds(engine.state) == before
    starts = [w.start.boot for w in engine.state.watch.windows]
    assert starts == sorted(set(starts))


def test_a_disk_that_is_full_for_a_while_loses_no_window() -> None:
    run = house()
    engine = deployed(run)
    pass_windows(run, engine, 2)
    for _ in range(3):
        run.sampler.windows.append(window(run))
        run.faults.arm(BEFORE_COMMIT, StorageFault("The disk is full."))
        with pytest.raises(StorageFault):
            engine.turn()
    engine.turn()
    assert clean_seconds(engine.state) == 5 * WINDOW


def test_a_dead_engine_is_a_blind_monitor() -> None:
    run = house()
    engine = deployed(run)
    pass_windows(run, engine, 6)
    seen = run.clock.now()
    run.clock.advance(timedelta(minutes=4))
    engine = run.engine()
    engine.turn()
    [trigger] = engine.state.open_triggers
    assert trigger.evidence_from == seen
    assert "blind" in trigger.because
