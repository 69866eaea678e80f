"""Proves the watch on the sandbox's real shop, with real engines, samplers and visitors, at full length.

What tests/e2e/watch proves in a few minutes, with a longer baseline, five minutes of quiet first, and what
needs more time than a test has: latency that is 30 % higher, and a leak that only its growth shows. Several
runs watch the one shop, each other routes of it. About half an hour (thirteen minutes without the leak's
growth); at the end nothing of it runs any more. Prints a table; the exit code is 1 where a row is not as it
should be.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from handrail.clock import Instant
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.deadlines import countdowns
from handrail.run.state import TriggerState
from handrail.sandbox.lifecycle import Sandbox
from handrail.signals.judgement import SignalVerdict
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

GUEST = {"user": "guest", "password": "demo"}
HOME = Route("GET", "/", 20)
LOG_IN = Route("POST", "/login", 5, GUEST)
ACCOUNT = Route("GET", "/account", 4)
LOGIN = Route("GET", "/login", 5)
VERSION = Route("GET", "/version", 5)
CHECKOUT = Route("GET", "/checkout", 5)
STYLE = Route("GET", "/shop.css", 4)
ICON = Route("GET", "/favicon.ico", 4)
ROUTES = (HOME, LOG_IN, ACCOUNT, LOGIN, VERSION, CHECKOUT, STYLE, ICON)
MEMORY_BOUND = 'name = "pm2"\nevery = "2s"\npm2 = { memory_above = 400000000 }'
PROMETHEUS = 'name = "metric"\nprometheus = { address = "%s", query = "sum(process_resident_memory_bytes)" }'
LONGEST = timedelta(minutes=12)
LEAK_MINUTES = 22


@dataclass(frozen=True)
class Row:
    """One fault: what is expected of it, and what became of it."""

    fault: str
    expected: str
    found: str
    evidence: str = ""
    called: str = ""
    left: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it was judged as it should be."""
        return self.found == self.expected


class Proof:
    """The shop, the runs that watch it, and the rows that are filled."""

    def __init__(self, shop: WatchedShop) -> None:
        self.shop = shop
        self.runs: dict[str, WatchedRun] = {}
        self.broken: dict[str, Instant] = {}
        self.rows: list[Row] = []

    def say(self, text: str) -> None:
        """A line for whoever looks on."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    def open(self, *names: str) -> None:
        """Open these runs; they are sampled from now on."""
        for name in names:
            self.runs[name] = self.shop.open(name)
            self.runs[name].start(BASELINE)

    def release(self, *names: str, baseline: float) -> None:
        """Take the baselines, release nothing, and watch."""
        for name in names:
            self.runs[name].passes(BASELINE, baseline + 120)
        for name in names:
            run = self.runs[name]
            run.start(TASK)
            run.passes(TASK)
            run.start(WATCH)

    def break_(self, fault: str, *words: str) -> None:
        """Switch a fault on."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.broken[fault] = self.shop.fault(*words)
        self.say(f"on: {fault}")

    def mend(self) -> None:
        """End all faults."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.shop.mend()

    def expect(self, fault: str, expected: str, target: str, signal: str) -> None:
        """Wait for the trigger of a signal, and fill a row with it."""
        run, began = self.runs[target], self.broken[fault]
        try:
            trigger = run.trigger(signal, LONGEST.total_seconds())
        except AssertionError:
            self.rows.append(Row(fault, expected, "nothing"))
            return
        self.rows.append(self._row(fault, expected, run, trigger, began))
        self.say(f"{fault}: {trigger.trigger_class}: {trigger.because}")

    def _row(self, fault: str, expected: str, run: WatchedRun, trigger: TriggerState, began: Instant) -> Row:
        counted = countdowns(run.state, trigger.raised)
        left = next(each.to_last_safe for each in counted if each.trigger.number == trigger.number)
        return Row(
            fault,
            expected,
            trigger.trigger_class.value,
            f"{trigger.evidence_from.since(began).total_seconds():+.0f} s",
            f"{trigger.raised.since(began).total_seconds():.0f} s",
            f"{left.total_seconds() / 60:.1f} min",
        )

    def expect_verdict(self, fault: str, expected: str, target: str, signal: str, seconds: float) -> None:
        """Fill a row with the worst verdict on a signal within so many seconds from when it was broken."""
        run, began = self.runs[target], self.broken[fault]
        worst = "nothing"

        def over(_: object) -> bool:
            nonlocal worst
            found = run.state.watch.judgements.get(signal)
            if found is not None and found.verdict in (SignalVerdict.WARNING, SignalVerdict.BAD):
                worst = "warning" if found.verdict is SignalVerdict.WARNING else "bad"
            raised = any(each.signal == signal for each in run.state.triggers.values())
            worst = "bad" if raised else worst
            done = worst == expected != "nothing"
            return done or CLOCK.now().since(began).total_seconds() > seconds

        run.wait(over, f"a verdict on {signal}", seconds + 60)
        self.rows.append(Row(fault, expected, worst))

    def expect_nothing_else(self, called: dict[str, set[str]]) -> None:
        """Fill a row for each run in which something was called that nobody broke."""
        for name, signals in called.items():
            state = self.runs[name].state
            others = {each.signal for each in state.triggers.values()} - signals
            self.rows.append(Row(f"other signals of {name}", "good", ", ".join(sorted(others)) or "good"))

    def wait(self, seconds: float, what: str) -> None:
        """Let time pass."""
        self.say(f"{what}: {seconds / 60:.1f} min")
        time.sleep(seconds)


def targets(shop: WatchedShop) -> dict[str, Watching]:
    """What each run watches."""

    def log(*routes: Route) -> tuple[str, ...]:
        return tuple(requests(shop.log, route) for route in routes)

    return {
        "errors": Watching(log(HOME, LOG_IN, ACCOUNT, ICON)),
        "slow": Watching(log(LOGIN, VERSION, CHECKOUT, STYLE, ICON)),
        "probes": Watching(
            (
                page("health", "/healthz", past_maintenance=True),
                page("login", "/login"),
                PROMETHEUS % shop.record.address("prometheus"),
            )
        ),
        "quiet": Watching((*log(ICON), page("icon", ICON.path, status=404), 'name = "machine"\nhost = {}')),
        "growth": Watching(('name = "pm2"\nevery = "5s"\npm2 = {}',)),
        "processes": Watching((MEMORY_BOUND,)),
    }


def prove(proof: Proof, *, baseline: float, quiet: float, leak: bool) -> None:
    """The whole of it, in the order in which things are broken."""
    first = ("errors", "slow", "probes", "quiet")
    proof.open(*first)
    proof.say(f"baseline of {baseline / 60:g} min")
    proof.release(*first, baseline=baseline)
    proof.wait(quiet, "quiet")
    for name in first:
        state = proof.runs[name].state
        found = ", ".join(each.because for each in state.triggers.values()) or "nothing"
        proof.rows.append(Row(f"quiet traffic, {quiet / 60:g} min, {name}", "nothing", found))

    proof.break_("1 % errors", "errors", "--rate", "1%", "--route", str(HOME))
    proof.break_("10 % errors", "errors", "--also", "--rate", "10%", "--route", str(LOG_IN))
    proof.break_("100 % errors", "errors", "--also", "--rate", "100%", "--route", str(ACCOUNT))
    for by, route in (("+5%", LOGIN), ("+15%", VERSION), ("+30%", CHECKOUT), ("+300%", STYLE)):
        proof.break_(f"{by} latency", "slow", "--also", "--by", by, "--route", str(route))
    proof.break_("a probe hangs", "hang", "--path", "/healthz")
    proof.break_("Prometheus: nonsense", "prometheus", "--answers", "truncated")
    proof.expect("100 % errors", "fast", "errors", str(ACCOUNT))
    proof.expect("10 % errors", "fast", "errors", str(LOG_IN))
    proof.expect("1 % errors", "fast", "errors", str(HOME))
    proof.expect("a probe hangs", "fast", "probes", "health")
    proof.expect("Prometheus: nonsense", "considered", "probes", e.BLIND)
    proof.expect("+300% latency", "considered", "slow", f"{STYLE} time")
    proof.expect("+30% latency", "considered", "slow", f"{CHECKOUT} time")
    proof.expect_verdict("+15% latency", "warning", "slow", f"{VERSION} time", LONGEST.total_seconds())
    proof.expect_verdict("+5% latency", "nothing", "slow", f"{LOGIN} time", 300)
    proof.expect_nothing_else(
        {
            "errors": {str(HOME), str(LOG_IN), str(ACCOUNT)},
            "slow": {f"{STYLE} time", f"{CHECKOUT} time"},
            "probes": {"health", e.BLIND},
            "quiet": set(),
        }
    )
    proof.mend()
    proof.break_("frozen processes", "freeze")
    proof.expect("frozen processes", "fast", "quiet", "icon")
    proof.mend()
    if leak:
        proof.open("growth")
        proof.release("growth", baseline=baseline)
        proof.break_("a slow leak", "leak", "--megabytes-per-second", "0.02", "--at-most", "200")
        proof.say(f"the leak shows by its growth in {LEAK_MINUTES} min at most")
        with contextlib.suppress(AssertionError):
            proof.runs["growth"].trigger("memory", LEAK_MINUTES * 60)
        proof.expect("a slow leak", "considered", "growth", "memory")
        proof.mend()
    proof.open("processes")
    run = proof.runs["processes"]
    run.do(c.SkipStep(step=BASELINE, reason="its bounds are fixed"))
    run.start(TASK)
    run.passes(TASK)
    run.start(WATCH)
    proof.break_("a quick leak", "leak", "--megabytes-per-second", "20", "--at-most", "250")
    proof.expect("a quick leak", "considered", "processes", "memory")
    proof.break_("a crash loop", "crash", "--every", "2")
    proof.expect("a crash loop", "fast", "processes", "restarts")
    proof.mend()


def table(rows: list[Row]) -> Iterator[str]:
    """The rows as text."""
    heads = Row("fault", "expected", "found", "evidence from", "called after", "before last safe")
    fields: tuple[Callable[[Row], str], ...] = (
        lambda row: row.fault,
        lambda row: row.expected,
        lambda row: row.found,
        lambda row: row.evidence,
        lambda row: row.called,
        lambda row: row.left,
    )
    widths = [max(len(field(row)) for row in [heads, *rows]) for field in fields]
    for row in [heads, *rows]:
        cells = "  ".join(field(row).ljust(width) for field, width in zip(fields, widths, strict=True))
        yield (cells + ("" if row is heads or row.is_right else "  WRONG")).rstrip()


def main() -> int:
    """Prove it, print the table, and end everything again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", type=float, default=300, help="in seconds (300)")
    parser.add_argument("--quiet", type=float, default=300, help="of quiet traffic first, in seconds (300)")
    parser.add_argument("--work", type=int, default=400, help="a request's median, in milliseconds (400)")
    parser.add_argument("--no-slow-leak", action="store_true", help="without the leak that takes 22 minutes")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="handrail-proof-") as folder:
        root = Path(folder)
        sandbox = Sandbox(root / "sandbox")
        try:
            sandbox.up(lambda line: print(line, file=sys.stderr))
            (root / "project").mkdir()
            shop = WatchedShop(sandbox, root / "project", ROUTES)
            proof = Proof(shop)
            try:
                shop.write_project(targets(shop), baseline_seconds=round(chosen.baseline))
                with contextlib.redirect_stdout(io.StringIO()):
                    shop.fault("work", "--median", str(chosen.work), "--sigma", "0.2")
                shop.visitors.start()
                prove(proof, baseline=chosen.baseline, quiet=chosen.quiet, leak=not chosen.no_slow_leak)
            finally:
                with contextlib.redirect_stdout(io.StringIO()):
                    shop.end()
        finally:
            sandbox.down(lambda line: print(line, file=sys.stderr))
    print("\n".join(table(proof.rows)))
    return 0 if all(row.is_right for row in proof.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
