"""The table of scripts/bench-judge: three judges on quiet and on broken traffic.

    scripts/bench-judge            the whole table, in a few minutes
    scripts/bench-judge --short    a few rows of it, with few watches
    scripts/bench-judge --json     the same for machines

The seeds are fixed: the same version prints the same numbers.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from judge_simulation import LIMITS, LOOKS, WATCH, Alarms, Traffic, judge_errors, judge_latency, simulate

SEED = 20_240
JUDGES = ("ours", "plain", "canary")
RATES = (0.2, 0.5, 1.0, 5.0, 30.0, 100.0)
BASELINES = (1, 5, 30)
ERROR_RATES = (0.002, 0.01)
ERROR_RATIOS = (2.0, 5.0, 10.0, 50.0)
SLOWDOWNS = (1.05, 1.1, 1.2, 1.3, 2.0, 4.0)
LATEST_ONSET = LOOKS // 3
ACCEPTED = 0.01
RULE = (
    "A peer counts as sooner only on traffic on which it stays within 1 % false alarms a watch itself: an "
    "alarm that always rings is always early. Later means a later median (a miss never comes), or fewer "
    "found by more than two standard errors. Sizes below the workflow's limits (5 times, +20 %) need not be "
    "called."
)
PEERS = {
    "plain": "the workflow's words as they stand: over 5 times the baseline, or the 95th percentile "
    "over +20 %, in a minute",
    "canary": "every 5 minutes, Mann and Whitney's test of points of 15 s against the baseline's (98 %), "
    "and the ratio of their means over the limit",
}


@dataclass(frozen=True)
class Watches:
    """How many watches of each kind are simulated for a row."""

    quiet_errors: int
    broken_errors: int
    quiet_latency: int
    broken_latency: int


FULL = Watches(quiet_errors=1000, broken_errors=80, quiet_latency=500, broken_latency=40)
SHORT = Watches(quiet_errors=100, broken_errors=20, quiet_latency=40, broken_latency=10)

Row = dict[str, Any]


def error_row(rate: float, minutes: int, share: float, ratios: Sequence[float], watches: Watches) -> Row:
    """One row on error rates: quiet, and broken by each of the ratios."""
    seed = [SEED, 1, round(rate * 10), minutes, round(share * 10_000)]

    def traffic(random: np.random.Generator, size: float, onset: int) -> Traffic:
        return simulate(random, rate, minutes, share, error_ratio=size, onset=onset)

    row: Row = {"kind": "errors", "rate": rate, "baseline_minutes": minutes, "error_rate": share}
    counts = (watches.quiet_errors, watches.broken_errors)
    return row | _measured(seed, traffic, judge_errors, ratios, LIMITS.error_ratio, counts)


def latency_row(rate: float, minutes: int, slowdowns: Sequence[float], watches: Watches) -> Row:
    """One row on latencies: quiet, and slowed down by each of the ratios."""
    seed = [SEED, 2, round(rate * 10), minutes]

    def traffic(random: np.random.Generator, size: float, onset: int) -> Traffic:
        return simulate(random, rate, minutes, 0.0, slowdown=size, onset=onset)

    row: Row = {"kind": "latency", "rate": rate, "baseline_minutes": minutes}
    counts = (watches.quiet_latency, watches.broken_latency)
    return row | _measured(seed, traffic, judge_latency, slowdowns, LIMITS.latency_considered, counts)


def _measured(
    seed: list[int],
    traffic: Callable[[np.random.Generator, float, int], Traffic],
    judge: Callable[[Traffic], Alarms],
    sizes: Sequence[float],
    limit: float,
    counts: tuple[int, int],
) -> Row:
    quiet_count, broken_count = counts
    quiet = [judge(traffic(np.random.default_rng([*seed, 0, i]), 1.0, 0)) for i in range(quiet_count)]
    false_alarms = {
        name: sum(getattr(alarms, name) is not None for alarms in quiet) / quiet_count for name in JUDGES
    }
    broken = []
    for size in sizes:
        found = []
        for i in range(broken_count):
            random = np.random.default_rng([*seed, round(size * 100), i])
            found.append(judge(traffic(random, size, int(random.integers(0, LATEST_ONSET)))))
        delays = {name: _delays([getattr(alarms, name) for alarms in found]) for name in JUDGES}
        verdicts = {
            peer: _compared(delays["ours"], delays[peer], false_alarms[peer], broken_count)
            if size >= limit
            else "below the limit"
            for peer in JUDGES[1:]
        }
        broken.append({"size": size, "watches": broken_count, "delays": delays, "beside": verdicts})
    return {"quiet": {"watches": quiet_count, "false_alarms": false_alarms}, "broken": broken}


def _delays(seconds: Sequence[float | None]) -> dict[str, float | None]:
    """The share found, and the median and the 90 % quantile of the delay; `None` where that is a miss."""
    values = sorted(math.inf if value is None else value for value in seconds)

    def quantile(share: float) -> float | None:
        value = values[math.ceil(share * len(values)) - 1]
        return None if math.isinf(value) else value

    found = sum(not math.isinf(value) for value in values) / len(values)
    return {"found": found, "median": quantile(0.5), "ninety": quantile(0.9)}


def _compared(
    ours: dict[str, float | None], peer: dict[str, float | None], false_alarms: float, watches: int
) -> str:
    """What the rule says of our judge beside a peer: no later, later, or that the peer doesn't count."""
    if false_alarms > ACCEPTED:
        return "rings when quiet"
    our_found, peer_found = ours["found"] or 0.0, peer["found"] or 0.0
    error = math.sqrt(max(0.25 / watches, peer_found * (1 - peer_found) / watches))
    if peer_found > our_found + 2 * error:
        return "later"
    our_median, peer_median = ours["median"], peer["median"]
    if peer_median is not None and (our_median is None or our_median > peer_median):
        return "later"
    return "no later"


def rows(short: bool) -> Iterator[Row]:
    """All rows, one by one as they are measured."""
    watches = SHORT if short else FULL
    for share in ERROR_RATES:
        for minutes in (5,) if short else BASELINES:
            for rate in (0.5, 5.0, 30.0) if short else RATES:
                yield error_row(rate, minutes, share, (10.0,) if short else ERROR_RATIOS, watches)
    for minutes in (5,) if short else BASELINES:
        for rate in (1.0, 30.0) if short else RATES:
            yield latency_row(rate, minutes, (1.3,) if short else SLOWDOWNS, watches)


def reached(found: Sequence[Row]) -> Row:
    """What was to be reached, and what is."""
    loud = [row for row in found if row["quiet"]["false_alarms"]["ours"] >= ACCEPTED]
    later = [
        {"row": _name(row), "size": broken["size"], "peer": peer}
        for row in found
        for broken in row["broken"]
        for peer, verdict in broken["beside"].items()
        if verdict == "later"
    ]
    tenfold = [
        {
            "error_rate": row["error_rate"],
            "baseline_minutes": row["baseline_minutes"],
            "median_seconds": broken["delays"]["ours"]["median"],
        }
        for row in found
        if row["kind"] == "errors" and row["rate"] == 5.0
        for broken in row["broken"]
        if broken["size"] == 10.0
    ]
    return {
        "rows": len(found),
        "most_false_alarms": max(row["quiet"]["false_alarms"]["ours"] for row in found),
        "rows_over_one_percent": [_name(row) for row in loud],
        "tenfold_at_5_a_second": tenfold,
        "later_than_a_peer": later,
    }


def _name(row: Row) -> str:
    errors = f", {row['error_rate']:.1%} errors" if row["kind"] == "errors" else ""
    return f"{row['kind']}, {row['rate']:g}/s, baseline {row['baseline_minutes']} min{errors}"


def _lines(row: Row) -> Iterator[str]:
    alarms = row["quiet"]["false_alarms"]
    yield f"{_name(row)}: false alarms " + ", ".join(f"{name} {alarms[name]:.1%}" for name in JUDGES)
    for broken in row["broken"]:
        size = broken["size"]
        label = f"{size:g} times" if row["kind"] == "errors" else f"{size - 1:+.0%}"
        cells = "   ".join(f"{name} {_cell(broken['delays'][name])}" for name in JUDGES)
        beside = broken["beside"]
        yield f"  {label:>9}  {cells}   plain: {beside['plain']}; canary: {beside['canary']}"


def _cell(delays: dict[str, float | None]) -> str:
    return f"{_seconds(delays['median']):>6} {_seconds(delays['ninety']):>6} {delays['found'] or 0.0:>4.0%}"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, judge, and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench-judge", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--short", action="store_true", help="few rows and few watches, for the tests")
    options = parser.parse_args(arguments)
    found: list[Row] = []
    if not options.json:
        print(f"Watches of {WATCH // 60} min, a look every 5 s. Delay: median, 90 %, and the share found.")
        for name, words in PEERS.items():
            print(f"{name}: {words}.")
        print(RULE + "\n")
    for row in rows(options.short):
        found.append(row)
        if not options.json:
            print("\n".join(_lines(row)), flush=True)
    result = {
        "seed": SEED,
        "watch_seconds": WATCH,
        "rule": RULE,
        "peers": PEERS,
        "rows": found,
        "reach": reached(found),
    }
    if options.json:
        print(json.dumps(result, indent=1))
        return 0
    reach = result["reach"]
    print(f"\nMost false alarms of ours: {reach['most_false_alarms']:.1%} a watch")
    for name in reach["rows_over_one_percent"]:
        print(f"  1 % or more: {name}")
    for one in reach["tenfold_at_5_a_second"]:
        print(
            f"Tenfold at 5/s, {one['error_rate']:.1%} errors, baseline {one['baseline_minutes']} min: "
            f"{_seconds(one['median_seconds'])}"
        )
    print(f"Later than a peer that counts: {len(reach['later_than_a_peer'])}")
    for one in reach["later_than_a_peer"]:
        print(f"  {one['row']}: size {one['size']:g}, beside {one['peer']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
