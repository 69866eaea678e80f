"""What a task said in words a machine can read: facts, and a check's verdict."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from handrail.errors import StorageFault
from handrail.paths import AttemptFiles

REPORT_LIMIT_BYTES = 1024 * 1024
VERDICTS = frozenset({"pass", "fail", "unknown"})


@dataclass(frozen=True, slots=True)
class Report:
    """A task's facts, its last verdict with its evidence, why it failed, and the lines that can't be used."""

    facts: dict[str, Any] = field(default_factory=dict)
    verdict: str | None = None
    evidence: str = ""
    failure: str = ""
    problems: tuple[str, ...] = ()


def read_report(files: AttemptFiles) -> Report:
    """The attempt's report so far; an empty one where there is none.

    A torn last line, and whatever lies beyond 1 MiB, is a problem in the report, never an error; a verdict
    of no known kind counts as `unknown`, which never passes. Raises `StorageFault` where it can't be read.
    """
    try:
        with files.report.open("rb") as file:
            content = file.read(REPORT_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return Report()
    except OSError as error:
        raise StorageFault(
            f"The report {files.report} can't be read: {error.strerror}.",
            still_safe="the step itself is not touched by this.",
            next_step="make the file readable for this account, then look again.",
        ) from error
    reading = _Reading()
    beyond = len(content) > REPORT_LIMIT_BYTES
    if beyond:
        content = content[:REPORT_LIMIT_BYTES].rpartition(b"\n")[0]
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            reading.take(number, line)
    if beyond:
        # What was not read may hold the last verdict, so that none of those before it can pass.
        too_long = f"the report is longer than {REPORT_LIMIT_BYTES} bytes: the rest was not read"
        reading.verdict, reading.evidence = "unknown", too_long
        reading.problems.append(too_long)
    return Report(
        facts=reading.facts,
        verdict=reading.verdict,
        evidence=reading.evidence,
        failure=reading.failure,
        problems=tuple(reading.problems),
    )


class _Reading:
    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.verdict: str | None = None
        self.evidence = ""
        self.failure = ""
        self.problems: list[str] = []

    def take(self, number: int, line: bytes) -> None:
        """Add what one line says."""
        try:
            values = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            self.problems.append(f"line {number} is not whole: {line[:80]!r}")
            return
        if not isinstance(values, dict):
            self.problems.append(f"line {number} is not an object")
        elif "fact" in values:
            name, value = values["fact"], values.get("value")
            if isinstance(name, str) and name and _is_plain(value):
                self.facts[name] = value
            else:
                self.problems.append(f"line {number}: a fact is a name and a plain value")
        elif "verdict" in values:
            verdict = values["verdict"]
            if isinstance(verdict, str) and verdict in VERDICTS:
                self.verdict, self.evidence = verdict, str(values.get("evidence", ""))
            else:
                self.verdict, self.evidence = "unknown", f"the task gave the verdict {str(verdict)[:80]!r}"
                self.problems.append(f"line {number}: {self.evidence}")
        elif "failure" in values:
            self.failure = str(values["failure"])
        else:
            self.problems.append(f"line {number} has neither a fact, a verdict nor a failure")


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")
