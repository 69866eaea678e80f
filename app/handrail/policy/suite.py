"""The full test suite: what each script's output counted, and what all of them say together.

deployment-workflow.md, Pre-Deployment Checklist 1: "All unit tests, integration tests, and e2e tests
must pass".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement

KINDS = ("unit", "integration", "e2e")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_COUNTED = re.compile(r"(\d+) ([a-z]+)")
_NODE = re.compile(r"^(?:#|\u2139) (tests|pass|fail|cancelled|skipped|todo) (\d+)$")
_MOCHA = re.compile(r"^ {2}(\d+) (passing|failing|pending)\b")
_PLAYWRIGHT = re.compile(r"^ {2}(\d+) (passed|failed|flaky|skipped|interrupted|did not run)\b")
_AVA = re.compile(r"^\s*(\d+) tests? (passed|failed|skipped)$|^\s*(\d+) (?:uncaught exception|unhandled)")
_PASSED = frozenset({"pass", "passed", "passing", "xpassed", "flaky"})
_FAILED = frozenset({"fail", "failed", "failing", "cancelled", "error", "errors", "interrupted"})
_SKIPPED = frozenset({"skipped", "pending", "todo", "xfailed", "deselected", "did not run"})


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tests passed, failed and were skipped, summed where a script has several summaries."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def plus(self, word: str, number: int) -> Counts:
        """With so many more of what a test runner calls `word`."""
        return Counts(
            self.passed + number * (word in _PASSED),
            self.failed + number * (word in _FAILED),
            self.skipped + number * (word in _SKIPPED),
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """One script that was run: of which kind, how it ended, and what it counted (None: it didn't say)."""

    kind: str
    script: str
    exit_code: int | None
    counts: Counts | None = None
    trouble: str = ""


def counts_in(output: str) -> Counts | None:
    """What the summary lines of a test runner say; `None` where none of the known ones is there.

    Known are node:test (spec and TAP), Jest, Vitest, Mocha, Playwright, AVA and pytest.
    """
    found: Counts | None = None
    for raw in output.splitlines():
        for word, number in _summary(_COLOUR.sub("", raw).rstrip()):
            found = (found or Counts()).plus(word, number)
    return found


def _summary(line: str) -> list[tuple[str, int]]:
    if match := _NODE.match(line):
        return [(match[1], int(match[2]))]
    if match := _MOCHA.match(line) or _PLAYWRIGHT.match(line):
        return [(match[2], int(match[1]))]
    if match := _AVA.match(line):
        return [(match[2] or "failed", int(match[1] or match[3]))]
    stripped = line.strip()
    jest = re.match(r"^Tests: +(?=\d)", stripped)
    vitest = re.match(r"^Tests {2}(?=\d)", stripped)
    pytest = re.fullmatch(r"=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s(?: \(.*\))? ?=*", stripped)
    if not (jest or vitest or pytest):
        return []
    return [(word, int(number)) for number, word in _COUNTED.findall(stripped)]


def judge(commit: str, ran: Sequence[Ran], without: Mapping[str, str]) -> Judgement:
    """Whether every kind of test passed for this commit.

    `without` names the kinds that the target has none of, each with the reason. A script that fails, or
    counts a failure, fails; one that counted nothing, or ran no test, leaves it unknown.
    """
    lines, failed, unsure = [], [], []
    for each in ran:
        said = str(each.counts) if each.counts is not None else "no counts found in its output"
        ended = each.trouble or (f"exit code {each.exit_code}, " if each.exit_code else "") + said
        lines.append(f"{each.kind} (npm run {each.script}): {ended}")
        if each.trouble or each.exit_code is None:
            unsure.append(each.kind)
        elif each.exit_code or (each.counts is not None and each.counts.failed):
            failed.append(each.kind)
        elif each.counts is None or not each.counts.passed:
            unsure.append(each.kind)
    for kind in KINDS:
        if kind in {each.kind for each in ran}:
            continue
        if reason := without.get(kind, "").strip():
            lines.append(f"{kind}: none, because {reason}")
        else:
            lines.append(f"{kind}: the target names no script, and no reason for having none")
            unsure.append(kind)
    short = commit[:12]
    if failed:
        return Judgement.of(Verdict.FAIL, f"tests failed for {short}: {', '.join(failed)}", *lines)
    if unsure:
        return Judgement.of(
            Verdict.UNKNOWN, f"not known whether all tests pass for {short}: {', '.join(unsure)}", *lines
        )
    if not ran:
        return Judgement.of(Verdict.UNKNOWN, f"no test was run for {short}", *lines)
    return Judgement.of(Verdict.PASS, f"all tests passed for {short}", *lines)
