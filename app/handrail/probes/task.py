"""Any task that only looks: its verdict, or one fact of it, as a signal.

It runs as an attempt's task does, by `python -m handrail.tasks` in a process of its own; its report says what
it saw.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handrail.clock import Clock
from handrail.probes.base import sample, unknown
from handrail.probes.children import Children, Ended
from handrail.probes.exchange import CanNotAsk
from handrail.project.signals import signals_of_probe
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import Probe

LARGEST_REPORT_BYTES = 256 * 1024
FAILED = 1
"""The exit code of a task that did look, and failed; others say that it couldn't."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a task reported: facts, its last verdict with the evidence, why it failed."""

    facts: dict[str, Any] = field(default_factory=dict)
    verdict: str | None = None
    evidence: str = ""
    failure: str = ""


def reported(text: str) -> Reported:
    """A report's lines (docs/architecture.md, "What a task reports"); torn ones are left out."""
    facts: dict[str, Any] = {}
    verdict, evidence, failure = None, "", ""
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(entry, dict):
            continue
        if isinstance(entry.get("fact"), str):
            facts[entry["fact"]] = entry.get("value")
        elif "verdict" in entry:
            verdict, evidence = str(entry["verdict"]), str(entry.get("evidence", ""))
        elif "failure" in entry:
            failure = str(entry["failure"])
    return Reported(facts, verdict, evidence, failure)


def judged(report: Reported, code: int) -> tuple[float | None, str]:
    """The outcome of a task: 0 went well, 1 badly, and why; `None` where it is unknown.

    A check's verdict counts, and passes only together with exit code 0; a task without one went badly where
    it failed by itself (exit code 1).
    """
    why = report.evidence or report.failure
    if report.verdict == "fail":
        return 1.0, why
    if report.verdict == "pass":
        return (0.0, "") if code == 0 else (None, f"it passed, but ended with exit code {code}")
    if report.verdict is not None:
        return None, why or f"its verdict is {report.verdict}"
    if code == 0:
        return 0.0, ""
    why = why or f"it ended with exit code {code}"
    return (1.0 if code == FAILED else None), why


def level(report: Reported, fact: str, code: int) -> tuple[float | None, str]:
    """A fact as a number, or why there is none."""
    if fact not in report.facts:
        failed = report.failure or report.evidence
        return None, f"it reports no fact {fact}" + (f": {failed}" if failed else f" (exit code {code})")
    value = report.facts[fact]
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None, f"the fact {fact} is {str(value)[:60]!r}, which is no number"
    return (number, "") if math.isfinite(number) else (None, f"the fact {fact} is {value}")


class TaskProber:
    """Runs the task anew for each look; `tasks_file` is the project's, as the plan froze it."""

    dated_at_start = False

    def __init__(
        self,
        target: Target,
        probe: Probe,
        clock: Clock,
        children: Children,
        environment: Mapping[str, str],
        tasks_file: str | None,
    ) -> None:
        assert probe.task is not None  # noqa: S101  (its kind says so)
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._task = probe.task
        self._spec = {
            "format": 1,
            "task": {
                "name": probe.task.name.replace("-", "_"),
                "arguments": probe.task.arguments,
                "tasks_file": tasks_file,
                "target": target.model_dump(mode="json", by_alias=True),
            },
        }
        self._clock = clock
        self._children = children
        self._environment = environment

    def look(self) -> list[Sample]:
        """Run the task, and read its report."""
        (signal,) = self.signals
        try:
            # A folder in a folder: a task looks for the reports of earlier attempts beside its own.
            with tempfile.TemporaryDirectory(prefix="handrail-probe-", ignore_cleanup_errors=True) as around:
                folder = Path(around) / "0001"
                folder.mkdir(mode=0o700)
                ended, report = self._run(folder)
        except CanNotAsk as error:
            return unknown(self.signals, self._clock.now(), error.summary)
        except OSError as error:
            return unknown(self.signals, self._clock.now(), f"the task can't be started: {error.strerror}")
        at = self._clock.now()
        if self._task.fact is not None:
            number, why = level(report, self._task.fact, ended.code)
        else:
            number, why = judged(report, ended.code)
        return [sample(signal, at, number, why)]

    def _run(self, folder: Path) -> tuple[Ended, Reported]:
        (folder / "spec.json").write_text(json.dumps(self._spec), encoding="utf-8")
        report = folder / "report.jsonl"
        environment = {
            **self._environment,
            "HANDRAIL_ATTEMPT": str(folder),
            "HANDRAIL_REPORT": str(report),
        }
        argv = (sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(folder))
        ended = self._children.run(argv, environment, folder, self.timeout)
        text = ""
        with suppress(FileNotFoundError), report.open("rb") as file:
            text = file.read(LARGEST_REPORT_BYTES).decode("utf-8", "replace")
        return ended, reported(text)

    def close(self) -> None:
        """The task is ended with all other children."""
