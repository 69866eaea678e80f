"""The monitor's table: values by their unit, charts without invented zeros, what each signal rests on."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from handrail.clock import Instant
from handrail.reports.signal_values import newest, series, value_in, value_text
from handrail.reports.signals import (
    evidence_words,
    progress,
    signal_lines,
    signal_table,
    signal_values,
    signals_seen,
    standing,
    tally_of_verdicts,
)
from handrail.run import commands as c
from handrail.run.plan import PlannedStep
from handrail.runbook.model import StepKind
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.signal import Signal, SignalKind
from walk import Walk, task, undo
from windows import CALM, SECONDS, SIGNALS, Seen, window

KINDS = {
    "share": Signal(name="s", kind=SignalKind.OUTCOMES),
    "time": Signal(name="s", kind=SignalKind.LATENCY, unit="ms"),
    "count": Signal(name="s", kind=SignalKind.COUNT),
    "%": Signal(name="s", kind=SignalKind.LEVEL, unit="%"),
    "bytes": Signal(name="s", kind=SignalKind.LEVEL, unit="bytes"),
    "days": Signal(name="s", kind=SignalKind.LEVEL, unit="days"),
    "/s": Signal(name="s", kind=SignalKind.LEVEL, unit="/s"),
    "": Signal(name="s", kind=SignalKind.LEVEL),
}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("share", None, "-"),
        ("share", 0.0, "0%"),
        ("share", 0.00212, "0.21%"),
        ("share", 0.0000001, "<0.01%"),
        ("share", 0.123, "12.3%"),
        ("share", 1.0, "100%"),
        ("time", 4.23, "4.23ms"),
        ("time", 117.6, "118ms"),
        ("time", 1234.0, "1.23s"),
        ("count", 0.0, "0/min"),
        ("count", 2.5, "2.5/min"),
        ("%", 46.97, "47%"),
        ("bytes", 0.0, "0B"),
        ("bytes", 512.0, "512B"),
        ("bytes", 4.1e8, "410MB"),
        ("bytes", 999.9e6, "1GB"),
        ("bytes", 2e9, "2GB"),
        ("bytes", -5e3, "-5kB"),
        ("days", 31.0, "31 days"),
        ("/s", 12.0, "12/s"),
        ("", 1.5, "1.5"),
        ("", 123456789.0, "1.2e8"),
        ("", math.inf, "no number"),
        ("", math.nan, "no number"),
    ],
)
def test_values_by_their_unit(kind: str, value: float | None, text: str) -> None:
    assert value_text(KINDS[kind], value) == text


BEGAN = Instant(1_000.0, 0.0, "b")


def windows_of(*values: Seen, signals: tuple[Signal, ...] = SIGNALS, name: str = "memory") -> list:
    return [
        window(BEGAN.plus(timedelta(seconds=SECONDS * n)), {name: seen} if seen else {}, signals=signals)
        for n, seen in enumerate(values)
    ]


def charted(columns: int, *values: Seen, signal: Signal = SIGNALS[3]) -> tuple[float | None, ...]:
    found = windows_of(*values, signals=(signal,), name=signal.name)
    return series(signal, found, BEGAN, found[-1].end, columns)


def test_a_part_without_a_known_sample_is_no_zero() -> None:
    assert charted(4, [1.0], [None], [], [3.0]) == (1.0, None, None, 3.0)


def test_several_windows_are_one_part_and_one_window_several() -> None:
    assert charted(2, [1.0], [3.0], [5.0], [7.0]) == (2.0, 6.0)
    assert charted(6, [1.0], [4.0]) == (1.0, 1.0, 1.0, 4.0, 4.0, 4.0)


def test_a_slow_signal_still_stands_between_its_samples() -> None:
    slow = SIGNALS[3].model_copy(update={"every": 15.0})
    assert charted(6, [1.0], [], [], [2.0], [], [], signal=slow) == (1.0, 1.0, 1.0, 2.0, 2.0, 2.0)


def test_without_time_there_is_no_chart() -> None:
    assert series(SIGNALS[0], [], BEGAN, BEGAN, 10) == ()


def test_the_newest_windows_and_their_value() -> None:
    found = windows_of([1.0], [2.0], [3.0], [5.0])
    assert newest(found, timedelta(seconds=10)) == found[2:]
    assert newest(found, timedelta(seconds=1)) == found[3:]
    assert newest([], timedelta(seconds=1)) == ()
    assert value_in(SIGNALS[3], newest(found, timedelta(seconds=10))) == 4.0


def watched(seconds: float = 60, **fields: object) -> Walk:
    """A run whose release is being watched, after a baseline of 30 s."""
    baseline = PlannedStep(
        key="baseline",
        section="Steps",
        title="Baseline",
        kind=StepKind.BASELINE,
        watch_for=timedelta(seconds=30),
    )
    watch = PlannedStep(
        key="watch",
        section="Steps",
        title="Watch",
        kind=StepKind.WATCH,
        watch_for=timedelta(seconds=seconds),
    )
    return Walk(baseline, task("build", undo=undo("build")), watch, signals=SIGNALS, **fields)


def see(walk: Walk, seconds: float, why: str = "", **changed: Seen) -> None:
    """Let the sampler see so many seconds of a well application, but for what is changed."""
    for _ in range(round(seconds / SECONDS)):
        start = walk.clock.now()
        walk.clock.advance(timedelta(seconds=SECONDS))
        walk.see(c.ObserveSignals(windows=(window(start, {**CALM, **changed}, signals=SIGNALS, why=why),)))


def test_from_nothing_to_the_end_of_a_watch() -> None:
    walk = watched()
    assert standing(walk.state) == "Nothing has been sampled yet"
    assert [seen.word for seen in signals_seen(walk.state)] == ["no sample"] * len(SIGNALS)
    see(walk, 10)
    assert standing(walk.state) == "Sampling before the first change"
    walk.start("baseline")
    see(walk, 5)
    assert standing(walk.state) == "Baseline: 15s of 30s sampled"
    assert progress(walk.state) == ("15s of 30s sampled", 0.5)
    see(walk, 15)
    assert standing(walk.state) == "The baseline is taken; the watch has not begun"
    [seen, *_] = signals_seen(walk.state)
    assert (seen.word, seen.baseline, seen.judgement) == ("sampled", 0.0, None)
    walk.run("build")
    walk.start("watch")
    see(walk, 45)
    assert standing(walk.state) == "45s of 1m clean"
    see(walk, 15)
    assert standing(walk.state).startswith("The watch is over: 1m 00s clean")
    assert all(seen.word in ("good", "unknown") for seen in signals_seen(walk.state))


def test_a_watch_says_what_it_waits_for() -> None:
    walk = watched()
    walk.start("baseline")
    see(walk, 30)
    walk.run("build")
    walk.start("watch")
    see(walk, 60, memory=[])
    assert standing(walk.state) == "1m 00s of 1m clean; waits for a verdict on memory"


def test_a_trigger_pauses_the_clean_time() -> None:
    walk = watched()
    walk.start("baseline")
    see(walk, 30)
    walk.run("build")
    walk.start("watch")
    see(walk, 20)
    walk.do(c.ReportTrouble(text="cards are declined"))
    see(walk, 20)
    assert standing(walk.state) == "20s of 1m clean; paused while a trigger is open"


def test_a_blind_signal_says_since_when_and_why() -> None:
    walk = watched()
    walk.start("baseline")
    see(walk, 30)
    see(walk, 10, memory=[None], why="pm2 doesn't answer")
    seen = signals_seen(walk.state)[3]
    assert evidence_words(seen) == ("6 samples, 2 unknown, BLIND since 22:13:50 UTC: pm2 doesn't answer")
    see(walk, 5)
    assert evidence_words(signals_seen(walk.state)[3]) == "7 samples, 2 unknown, known at 22:14:05 UTC"


def test_a_lower_bound_is_marked_as_one() -> None:
    seen = {each.signal.name: each for each in signals_seen(watched().state)}
    assert seen["disk free"].threshold_text == "<5%"
    assert seen["memory"].threshold_text == "2GB"
    assert seen["health"].threshold_text == "-"


def test_the_table_as_text_is_aligned_and_the_sentences_hold_the_same() -> None:
    walk = watched()
    see(walk, 30)
    table = signal_table(walk.state)
    rows = [row for row in table if "UTC" not in row][1:]
    assert rows[0].split() == ["signal", "now", "baseline", "threshold", "verdict"]
    ends = {row.index(row.split()[-1]) for row in rows}
    assert len(ends) == 1
    sentences = "\n".join(signal_lines(walk.state))
    assert "memory: now 410MB, baseline -, threshold 2GB" in sentences


def test_programs_get_the_same() -> None:
    walk = watched()
    see(walk, 30)
    values = signal_values(walk.state)
    assert values["standing"] == "Sampling before the first change"
    memory = values["signals"][3]
    assert (memory["signal"], memory["now"], memory["verdict"]) == ("memory", 4.1e8, None)


def test_how_many_signals_are_not_good() -> None:
    def judged(*verdicts: SignalVerdict) -> str:
        return tally_of_verdicts([Judgement(signal="s", verdict=each, because="") for each in verdicts])

    good, warning, bad, unknown = SignalVerdict
    assert judged() == judged(good, good) == ""
    assert judged(good, warning) == "1 warning"
    assert judged(warning, warning, bad, unknown) == "1 BAD, 2 warnings, 1 unknown"


def test_a_target_without_signals() -> None:
    walk = Walk(task("build"))
    assert standing(walk.state) == "The target names nothing to watch."
    assert signal_table(walk.state) == ["The target names nothing to watch."]
