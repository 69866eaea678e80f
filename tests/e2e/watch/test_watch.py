"""A release is watched on the real shop, by real engines and samplers, while visitors come and parts break.

Several runs watch the one shop, each other routes of it, so that all of this goes on at the same time. The
tests come in the order in which things happen; each waits for its own. Everything that a test bounds in time
is bounded by the class of the deadline, not by the speed of the machine.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from handrail.clock import Instant
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.clean_time import clean_seconds
from handrail.run.deadlines import countdowns
from handrail.run.state import Phase, RunState, StepStatus, TriggerState
from handrail.sandbox.lifecycle import Sandbox
from handrail.signals.judgement import SignalVerdict
from handrail.values import TriggerClass
from sandbox_fixture import silent
from terminal import kill
from waiting import wait_for
from watched_shop import (
    BASELINE,
    CLOCK,
    TASK,
    WATCH,
    Route,
    WatchedRun,
    WatchedShop,
    Watching,
    page,
    requests,
)

pytestmark = pytest.mark.e2e

BASELINE_SECONDS = 60
WORK_MILLISECONDS = 1500
GUEST = {"user": "guest", "password": "demo"}
HOME = Route("GET", "/", 20)
LOG_IN = Route("POST", "/login", 5, GUEST)
ACCOUNT = Route("GET", "/account", 4)
LOGIN = Route("GET", "/login", 5)
STYLE = Route("GET", "/shop.css", 4)
CHECKOUT = Route("GET", "/checkout", 3)
ICON = Route("GET", "/favicon.ico", 4)
ROUTES = (HOME, LOG_IN, ACCOUNT, LOGIN, STYLE, CHECKOUT, ICON)
BY_ITSELF = """\
deadlines = { fast = "%s" }
on_deadline = { fast = "rollback" }"""
BLIND = """\
[targets.NAME.monitor.limits]
blind_after = "20s\""""
SOON = timedelta(seconds=45)
"""Evidence begins so soon after what broke: within a window, and what a loaded machine adds."""
FAST, CONSIDERED = TriggerClass.FAST, TriggerClass.CONSIDERED
LEFT = {FAST: timedelta(minutes=10), CONSIDERED: timedelta(minutes=24)}
"""So long before the last safe moment, at least, a trigger of the class is open."""


@dataclass
class Afternoon:
    """The shop, its runs by target, when each was broken, and when one was to be rolled back by itself."""

    shop: WatchedShop
    runs: dict[str, WatchedRun]
    broken: dict[str, Instant]
    foretold: Instant | None = None

    def called(self, target: str, signal: str, broken: str, within: timedelta = SOON) -> TriggerState:
        """The trigger of a signal, seen to begin where it was broken, and open in time."""
        run = self.runs[target]
        trigger = run.trigger(signal, 180)
        began = trigger.evidence_from.since(self.broken[broken])
        assert -timedelta(seconds=10) <= began <= within, f"evidence from {began}: {trigger.because}"
        return trigger

    def only(self, target: str, *signals: str) -> None:
        """Nothing else was called bad in a run."""
        state = self.runs[target].state
        assert {each.signal for each in state.triggers.values()} == set(signals), self.runs[target].told()


def in_time(run: WatchedRun, trigger: TriggerState, trigger_class: TriggerClass) -> None:
    """The trigger has its class, and was open with minutes to spare before the last safe moment."""
    assert trigger.trigger_class is trigger_class, trigger.because
    state = run.state
    [counted] = [each for each in countdowns(state, trigger.raised) if each.trigger.number == trigger.number]
    assert counted.to_last_safe >= LEFT[trigger_class]


@pytest.fixture(scope="module")
def afternoon(sandbox_session: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Afternoon]:
    """Six runs that have each released something and watch it; then routes break, one after the other."""
    if sandbox_session.status().version != "1.2.3":
        sandbox_session.reset(silent)
    shop = WatchedShop(sandbox_session, tmp_path_factory.mktemp("watched"), ROUTES)

    def log(*routes: Route) -> tuple[str, ...]:
        return tuple(requests(shop.log, route) for route in routes)

    memory = 'name = "memory"\nprometheus = { address = "%s", query = "sum(process_resident_memory_bytes)" }'
    shop.write_project(
        {
            "errors": Watching(log(HOME, LOG_IN, ACCOUNT, ICON)),
            "slow": Watching(log(LOGIN, STYLE, ICON)),
            "probes": Watching(
                (
                    page("health", "/healthz", past_maintenance=True),
                    page("login", "/login"),
                    memory % shop.record.address("prometheus"),
                ),
                target=BLIND,
            ),
            "quiet": Watching((*log(ICON), page("icon", ICON.path, status=404))),
            "back": Watching(log(CHECKOUT, ICON), target=BY_ITSELF % "2m", runbook="release"),
            "kept": Watching(log(ACCOUNT, ICON), target=BY_ITSELF % "150s"),
            "processes": Watching(('name = "pm2"\npm2 = { memory_above = 400000000 }',)),
        },
        baseline_seconds=BASELINE_SECONDS,
    )
    try:
        shop.fault("work", "--median", str(WORK_MILLISECONDS), "--sigma", "0.1")
        shop.visitors.start()
        runs = {name: shop.open(name) for name in shop.targets if name != "processes"}
        for run in runs.values():
            run.start(BASELINE)
        for run in runs.values():
            run.passes(BASELINE, BASELINE_SECONDS + 60)
        for run in runs.values():
            run.start(TASK)
        for name, run in runs.items():
            run.passes(TASK)
            if name != "back":
                run.start(WATCH)
        broken = {"release": CLOCK.now()}
        runs["back"].start(WATCH)
        broken["3%"] = shop.fault("errors", "--rate", "3%", "--route", str(HOME))
        broken["10%"] = shop.fault("errors", "--also", "--rate", "10%", "--route", str(LOG_IN))
        broken["100%"] = shop.fault("errors", "--also", "--rate", "100%", "--route", str(ACCOUNT))
        broken["+5%"] = shop.fault("slow", "--by", "+5%", "--route", str(LOGIN))
        broken["+300%"] = shop.fault("slow", "--also", "--by", "+300%", "--route", str(STYLE))
        broken["hang"] = shop.fault("hang", "--path", "/healthz")
        broken["nonsense"] = shop.fault("prometheus", "--answers", "html")
        yield Afternoon(shop, runs, broken)
    finally:
        shop.end()


def handrail(shop: WatchedShop, *words: str) -> str:
    """Call `handrail` as somebody at another shell would."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "handrail", "--state", str(shop.state_folder.root), *words],
        cwd=shop.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_tenth_and_all_of_a_routes_answers_failing_is_called_fast(afternoon: Afternoon) -> None:
    run = afternoon.runs["errors"]
    for route, share in ((ACCOUNT, "100%"), (LOG_IN, "10%")):
        trigger = afternoon.called("errors", str(route), share)
        in_time(run, trigger, FAST)


def test_a_probe_that_hangs_is_what_visitors_meet_and_called_fast(afternoon: Afternoon) -> None:
    in_time(afternoon.runs["probes"], afternoon.called("probes", "health", "hang"), FAST)


def test_nonsense_of_prometheus_is_a_blind_monitor_and_no_bad_release(afternoon: Afternoon) -> None:
    trigger = afternoon.called("probes", e.BLIND, "nonsense")
    assert "memory" in trigger.because
    in_time(afternoon.runs["probes"], trigger, CONSIDERED)
    afternoon.only("probes", "health", e.BLIND)


def test_the_operator_confirms_that_a_release_stays_and_takes_more_time(afternoon: Afternoon) -> None:
    run, shop = afternoon.runs["kept"], afternoon.shop
    taken = ("--take-over", "the first screen is far away")
    trigger = afternoon.called("kept", str(ACCOUNT), "100%")
    afternoon.foretold = trigger.rolls_back_at
    assert afternoon.foretold is not None
    said = handrail(shop, "keep", run.id, "--reason", "the account page is being mended", *taken)
    assert "nothing is rolled back by itself" in said
    handrail(shop, "extend", run.id, "1", "--reason", "mended within a minute", *taken)
    extended = run.state.triggers[trigger.number]
    assert extended.deadline.since(trigger.deadline) == timedelta(minutes=1)
    assert "Reported." in handrail(shop, "trouble", run.id, "a customer sees no orders")
    reported = run.trigger(e.USERS)
    assert reported.trigger_class is FAST
    handrail(shop, "keep", run.id, "--reason", "that is the account page, too", *taken)


def test_a_bad_release_is_rolled_back_by_itself_with_nobody_there(afternoon: Afternoon) -> None:
    run, shop = afternoon.runs["back"], afternoon.shop
    trigger = afternoon.called("back", str(CHECKOUT), "release", within=timedelta(seconds=60))
    assert trigger.rolls_back_at is not None
    assert trigger.why_not == ""
    foretold = "back will be rolled back by itself in"
    wait_for(lambda: foretold in str(shop.posts()), "the words in the channel")
    state = run.wait(lambda state: state if not state.phase.is_open else None, "the rollback", 180)
    assert state.phase is Phase.ROLLED_BACK
    assert state.rollback_started is not None
    assert state.rollback_started.since(trigger.rolls_back_at) >= timedelta()
    assert state.deadlines_met is True
    wait_for(lambda: shop.sandbox.status().version == "1.2.3", "the release before")
    wait_for(lambda: "Rolled back" in str(shop.posts()), "the end in the channel")
    told = str(shop.posts())
    assert told.index(foretold) < told.index("Rolled back")
    afternoon.only("back", str(CHECKOUT))


def test_a_few_percent_of_a_busy_routes_answers_failing_are_called_fast(afternoon: Afternoon) -> None:
    run = afternoon.runs["errors"]
    # One percent takes a baseline of some minutes: scripts/prove-watch.
    in_time(run, afternoon.called("errors", str(HOME), "3%"), FAST)
    afternoon.only("errors", *map(str, (HOME, LOG_IN, ACCOUNT)))


def seen_until(state: RunState) -> Instant:
    return state.watch.windows[-1].end


def test_a_killed_engine_leaves_a_gap_that_is_not_good_and_moves_no_deadline(afternoon: Afternoon) -> None:
    runs = [afternoon.runs[name] for name in ("quiet", "errors")]
    before = {run.id: run.state.triggers for run in runs}
    killed: dict[str, Instant] = {}
    for run in runs:
        sampler = run.sampler()
        kill(run.engine())
        killed[run.id] = CLOCK.now()
        wait_for(lambda sampler=sampler: not sampler.is_alive(), "the end of the dead engine's sampler")
    for run in runs:
        run.wait(lambda _, run=run: CLOCK.now().since(killed[run.id]).total_seconds() > 12, "a gap")
        run.restart_engine()
    for run in runs:
        begun = CLOCK.now()
        run.wait(lambda state, begun=begun: seen_until(state).since(begun) > timedelta(), "a new window", 60)
        assert run.sampler().is_alive()
        windows = run.state.watch.windows
        gap = max(later.start.since(one.end) for one, later in pairwise(windows))
        assert gap >= timedelta(seconds=12)
        triggers = run.state.triggers
        for number, trigger in before[run.id].items():
            assert triggers[number].deadline == trigger.deadline
            assert triggers[number].evidence_from == trigger.evidence_from
    quiet = afternoon.runs["quiet"].state
    assert quiet.watch.started is not None
    watched = seen_until(quiet).since(quiet.watch.started).total_seconds()
    assert clean_seconds(quiet) <= watched - 12
    assert afternoon.shop.journal.verify(quiet.run) == []


def test_four_times_as_slow_is_called_considered_and_a_little_slower_is_not(afternoon: Afternoon) -> None:
    # What lies between takes a machine that does nothing else meanwhile: scripts/prove-watch.
    style = f"{STYLE} time"
    trigger = afternoon.called("slow", style, "+300%", within=timedelta(seconds=60))
    in_time(afternoon.runs["slow"], trigger, CONSIDERED)
    afternoon.only("slow", style)


def test_what_is_to_stay_stays_until_a_person_ends_the_watch(afternoon: Afternoon, tmp_path: Path) -> None:
    run, shop = afternoon.runs["kept"], afternoon.shop
    trigger = run.trigger(str(ACCOUNT))
    assert trigger.rolls_back_at is None
    safe = afternoon.foretold
    assert safe is not None
    run.wait(lambda _: CLOCK.now().since(safe) > timedelta(seconds=5), "the moment to pass", 180)
    state = run.state
    assert state.phase is Phase.RUNNING
    assert state.rollback_started is None
    assert all(each.kept for each in state.open_triggers), run.told()
    run.do(c.TakeControl(reason="back at the first screen"))
    for each in state.open_triggers:
        run.do(c.CloseTrigger(trigger=each.number, reason="the account page is mended"))
    run.do(c.SkipStep(step=WATCH, reason="the shop closes for tonight"))
    state = run.wait(lambda state: state if not state.phase.is_open else None, "the end")
    assert state.phase is Phase.FINISHED
    assert state.steps[WATCH].waived == {
        "monitor.watch": f"{state.operator.name}: the shop closes for tonight"
    }
    handrail(shop, "report", run.id, "--to", str(tmp_path))
    for suffix in ("html", "md"):
        written = (tmp_path / f"{run.id}.{suffix}").read_text(encoding="utf-8")
        for words in ("a customer sees no orders", "the shop closes for tonight", "is being mended"):
            assert words in written


def test_quiet_routes_raise_nothing_all_the_while(afternoon: Afternoon) -> None:
    afternoon.only("quiet")
    verdicts = {each.signal: each.verdict for each in afternoon.runs["quiet"].state.watch.judgements.values()}
    assert SignalVerdict.BAD not in verdicts.values()
    assert verdicts[str(ICON)] is SignalVerdict.GOOD


@pytest.mark.long
def test_processes_that_stand_still_leak_and_crash_are_called_each_in_its_class(afternoon: Afternoon) -> None:
    shop, runs, broken = afternoon.shop, afternoon.runs, afternoon.broken
    shop.mend()
    broken["freeze"] = shop.fault("freeze")
    in_time(runs["quiet"], afternoon.called("quiet", "icon", "freeze"), FAST)
    shop.mend()
    runs["processes"] = run = shop.open("processes")
    run.do(c.SkipStep(step=BASELINE, reason="its bounds are fixed"))
    run.start(TASK)
    run.passes(TASK)
    run.start(WATCH)
    broken["leak"] = shop.fault("leak", "--megabytes-per-second", "30", "--at-most", "250")
    in_time(run, afternoon.called("processes", "memory", "leak"), CONSIDERED)
    afternoon.only("processes", "memory")
    # The leak stays on: mending starts processes anew where they are slow to answer, which is a restart, too.
    broken["crash"] = shop.fault("crash", "--every", "2")
    in_time(run, afternoon.called("processes", "restarts", "crash"), FAST)
    assert run.state.open_triggers[0].signal == "restarts", "the earliest deadline leads"
    shop.mend()
    assert run.state.steps[WATCH].status is StepStatus.RUNNING
