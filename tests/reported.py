"""Runs that a report is written of: rolled back in time, too late, or still open, with all that people do."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from handrail.clock import Instant, ManualClock
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.reports.page.masking import Masking
from handrail.reports.page.report import RunReport
from handrail.reports.page.source import LogTail
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.actors import Actor
from handrail.run.deadlines import deadline_of
from handrail.run.events import write_event
from handrail.run.plan import Usual
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.latency_buckets import bucket_of
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally
from handrail.values import TriggerClass
from walk import Walk, attest, gate, task, undo
from watched import WINDOW, WatchedWalk, baseline_step, watch_step

LEAD = Actor(user="release-lead", host="web-1", session="screen-1")
ON_CALL = Actor(user="on-call-engineer", host="web-1", session="screen-2")
START = Instant(wall=1_785_247_380.0, boot=50_000.0, boot_id="boot")
SIGNALS = (
    Signal(name="visitors", kind=SignalKind.OUTCOMES, source="the access log"),
    Signal(name="visitors time", kind=SignalKind.LATENCY, unit="ms", source="the access log"),
    Signal(name="memory", kind=SignalKind.LEVEL, unit="bytes", source="pm2", may_leak=True),
    Signal(name="restarts", kind=SignalKind.COUNT, source="pm2", any_is_bad=True),
    Signal(name="orders", kind=SignalKind.LEVEL, source="the target's database", required=False),
)
USUAL = {
    "build": Usual(median=41, high=55, count=9),
    "restart": Usual(median=14, high=19, count=9),
    "undo/restart": Usual(median=13, high=21, count=3),
    "undo/build": Usual(median=38, high=52, count=3, rehearsed=True),
}


def latencies(middle: float, count: int = 24) -> Tally:
    """Latencies around a middle, with the long tail that they have."""
    buckets: dict[int, int] = {}
    for n in range(count):
        spread = math.exp(0.28 * math.sin(2.4 * n) + (0.9 if n % 11 == 10 else 0.0))
        bucket = bucket_of(middle * spread)
        buckets[bucket] = buckets.get(bucket, 0) + 1
    return Tally(n=count, buckets=buckets)


def window_tallies(n: int, *, failing: float = 0.0, slower: float = 1.0) -> dict[str, Tally]:
    """What the n-th window of five seconds saw."""
    bad = round(24 * failing) if failing else int(n % 37 == 36)
    orders = Tally(n=1, total=31.0 + n % 5) if n % 9 else Tally(unknown=1, why="the database doesn't answer")
    size = (412.0 + 6 * math.sin(n / 9) + 0.04 * n) * 1024 * 1024
    return {
        "visitors": Tally(n=24, bad=bad, why="GET /checkout: status 500" if bad else ""),
        "visitors time": latencies(118 * slower * (1 + 0.05 * math.sin(n / 7))),
        "memory": Tally(n=1, total=size, low=size, high=size, last=size),
        "restarts": Tally(n=1),
        "orders": orders,
    }


class ReportedWalk(WatchedWalk):
    """The deployment of a shop, as the release lead and the on-call engineer walk through it."""

    def __init__(self, **fields: Any) -> None:
        self.seen = 0
        steps = fields.pop("steps", None) or (
            attest("agree", section="Before", title="The release is agreed on"),
            baseline_step(section="Before", title="See what is usual"),
            task(
                "build",
                section="Deploy the code",
                title="Build the release",
                arguments={"ref": "v1.3.1", "clean": True},
                undo=undo("build"),
                gate=(gate("suite.passed"), gate("review.approved")),
            ),
            task("restart", section="Deploy the code", title="Restart the processes", undo=undo("restart")),
            watch_step(section="Watch", title="Watch the release", on_failure=TriggerClass.FAST),
            attest("well", section="Watch", title="Users say that it is well"),
        )
        super().__init__(
            *steps,
            signals=fields.pop("signals", SIGNALS),
            clock=ManualClock(START),
            usual=USUAL,
            title="Deploy to production",
            parameters={"feature": "Gift notes", "ref": "v1.3.1"},
            digests={"runbooks/production-deploy.md": "9f" * 32, "tasks.py": "0c" * 32},
            **fields,
        )

    def sampled(self, count: int, **changes: float) -> None:
        """Let windows of five seconds pass."""
        for _ in range(count):
            self.seen += 1
            start = self.clock.now()
            self.clock.advance(timedelta(seconds=WINDOW))
            window = SignalWindow(start=start, seconds=WINDOW, tallies=window_tallies(self.seen, **changes))
            if self.state.watch.started is None:
                self.see(c.ObserveSignals(windows=(window,)))
            else:
                # Past the judges: what a report tells must not depend on how they judge.
                self._take([w.SignalsSampled(windows=(window,))])

    def judged(self, signal: str, verdict: SignalVerdict, because: str, **fields: Any) -> Judgement:
        """Put a verdict into the run as the machine would."""
        found = Judgement(signal=signal, verdict=verdict, because=because, **fields)
        self._take([w.SignalJudged(judgement=found)])
        return found

    def deployed(self) -> ReportedWalk:
        """Up to the watch's first moment."""
        self.do(c.Attest(step="agree", holds=True, note="in the channel"))
        self.start("baseline")
        self.sampled(60)
        self.start("build")
        self.end(evidence="211 tests passed for 8f2c11d")
        self.end(1, evidence="nobody has approved 8f2c11d")
        self.do(
            c.WaiveCheck(step="build", check="review.approved", reason="paired on it; the reviewer is away")
        )
        self.start("build")
        self.end(evidence="211 tests passed for 8f2c11d")
        self.clock.advance(timedelta(seconds=43))
        self.end(facts={"previous_release": "v1.3.0", "commit": "8f2c11d"})
        self.start("restart")
        self.sampled(3)
        self.end(evidence="all instances online, pids unchanged")
        self.start("watch")
        self.sampled(24)
        for signal in ("visitors", "visitors time", "restarts"):
            self.judged(
                signal, SignalVerdict.GOOD, "As before the deployment.", samples=576, baseline_samples=1440
            )
        memory = "412 MiB, as before; too few samples for a trend yet."
        self.judged("memory", SignalVerdict.UNKNOWN, memory, samples=24, baseline_samples=60)
        return self

    def gone_bad(self, minutes_until_seen: float = 3) -> ReportedWalk:
        """Errors begin five minutes into the watch; some minutes later a judge calls it."""
        self.sampled(36)
        self.judged("memory", SignalVerdict.GOOD, "Steady at 413 MiB.", samples=60, baseline_samples=60)
        began = self.clock.now()
        self.sampled(round(minutes_until_seen * 12), failing=0.125, slower=1.16)
        because = "12.5 % of 864 requests failed against 0.1 % before: 108 times the baseline (p < 0.001)."
        self.judged(
            "visitors",
            SignalVerdict.BAD,
            because,
            trigger_class=TriggerClass.FAST,
            effect="108 times the baseline",
            p=3e-9,
            samples=864,
            baseline_samples=1440,
            now=0.125,
            baseline=0.0011,
            threshold=0.0055,
            evidence_from=began,
        )
        self.judged(
            "visitors time",
            SignalVerdict.WARNING,
            "The median is 16 % above the baseline.",
            effect="16 % slower",
            p=0.004,
            samples=864,
            baseline_samples=1440,
            now=137.0,
            baseline=118.0,
            threshold=141.6,
            evidence_from=began,
        )
        self._take(
            [
                e.TriggerRaised(
                    trigger=1,
                    trigger_class=TriggerClass.FAST,
                    because=because,
                    step="watch",
                    evidence_from=began,
                    deadline=deadline_of(self.state.plan.target, TriggerClass.FAST, began),
                    signal="visitors",
                )
            ]
        )
        return self

    def rolled_back(self, minutes_to_decide: float = 2) -> ReportedWalk:
        """The on-call engineer hears of it, takes over, and rolls back."""
        self.do(c.ReportTrouble(text="two customers can't pay"), ON_CALL)
        self.do(c.TakeControl(reason="the release lead is on the phone"), ON_CALL)
        self.sampled(round(minutes_to_decide * 12), failing=0.125, slower=1.16)
        self.do(c.AddNote(text="checkout answers 500 since the restart"), ON_CALL)
        self.do(c.RollBack(confirm="production", reason="customers can't pay"), ON_CALL)
        self.sampled(4, failing=0.125)
        self.end()
        self.sampled(8)
        self.end()
        return self


@functools.cache
def in_time() -> ReportedWalk:
    """A release that goes bad in the watch, and is rolled back before its deadline; only to be read."""
    return ReportedWalk().deployed().gone_bad().rolled_back()


@functools.cache
def too_late() -> ReportedWalk:
    """The same, but decided on too late, although somebody extended the deadline; only to be read."""
    walk = ReportedWalk().deployed().gone_bad()
    walk.do(c.ExtendDeadline(trigger=1, seconds=120, reason="the vendor may mend it"))
    return walk.rolled_back(minutes_to_decide=17)


def report_of(
    walk: Walk, tails: Mapping[int, LogTail] | None = None, secrets: tuple[str, ...] = (), **fields: Any
) -> RunReport:
    """The report on a walk, with a log for each attempt unless others are given."""
    logs = tails if tails is not None else {number: log(number) for number in walk.state.attempts}
    return RunReport(
        state=walk.state,
        entries=tuple(walk.history),
        now=walk.clock.now(),
        tails=logs,
        masking=Masking(secrets),
        **fields,
    )


def log(number: int) -> LogTail:
    """An attempt's log."""
    return LogTail(tuple(f"[{number}] line {n} of the log" for n in range(1, 13)), 312, whole=True)


def journaled(walk: Walk, state: StateFolder, run: str) -> None:
    """Put a run into the journal, event by event, as an engine would have; beside it, each attempt's log."""
    state.create()
    journal = SqliteJournal(state.journal)
    (first, at), *rest = walk.history
    target = walk.state.plan.target.name
    journal.open_run(run, target, {"name": "operator"}, "deploy", [write_event(first)], at)
    for seq, (event, moment) in enumerate(rest, 1):
        over = seq == len(rest) and not walk.state.phase.is_open
        journal.append(run, 0, seq, [write_event(event)], moment, release_lock=over)
    journal.close()
    for number in walk.state.attempts:
        files = state.attempt(run, number)
        files.folder.mkdir(parents=True)
        files.log.write_text("".join(f"{line}\n" for line in log(number).lines))
