"""Which known issues a failed step shows: pure, and bounded in time whatever the log holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct, field
from pydantic_core import SchemaValidator, ValidationError, core_schema

from handrail.issues.model import Found, Issue, Symptom
from handrail.text import clean_line

LOG_TAIL_BYTES = 64 * 1024
MOST_LINES = 2_000
LONGEST_LINE = 2_000
MOST_FOUND = 3
_WORDS = re.compile(r"[\w@/.-]+")
_EXIT_CODE = re.compile(r"\bexit code (\d{1,3})\b")
_COLOUR = re.compile(r"\x1b\[[0-9;:]{0,64}m")


class Failure(Struct, frozen=True):
    """What is known of a step that failed; `log` is the end of what it wrote."""

    step: str
    task: str
    reason: str = ""
    exit_code: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    log: str = ""


def find(issues: Iterable[Issue], failure: Failure) -> tuple[Found, ...]:
    """The issues that the failure shows, those with a line of evidence first; at most three."""
    lines = _lines(failure)
    found: list[Found] = []
    for issue in issues:
        front = issue.front
        if not _concerns(front.tasks, failure.task) or not _concerns(front.steps, failure.step):
            continue
        for symptom in front.symptoms:
            line = _shows(symptom, failure, lines)
            if line is not None:
                found.append(_found(issue, line))
                break
    return tuple(sorted(found, key=lambda each: not each.evidence)[:MOST_FOUND])


def _lines(failure: Failure) -> list[str]:
    tail = _COLOUR.sub("", failure.log[-LOG_TAIL_BYTES:]).splitlines()
    reason = failure.reason[:LOG_TAIL_BYTES].splitlines()
    return [line[:LONGEST_LINE] for line in (*reason, *tail[-MOST_LINES:]) if line.strip()]


def _concerns(patterns: Sequence[str], name: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _shows(symptom: Symptom, failure: Failure, lines: Sequence[str]) -> str | None:
    """The line that shows the symptom, empty where another sign does; `None` where it isn't there."""
    if symptom.exit_code and _exit_codes(failure).isdisjoint(symptom.exit_code):
        return None
    for name, pattern in symptom.facts.items():
        value = failure.facts.get(name)
        if name not in failure.facts or not matches(rf"\A(?:{pattern})\z", _text(value)):
            return None
    if symptom.log is None:
        return ""
    if not matches(f"(?m){symptom.log}", "\n".join(lines)):
        return None
    return next((line for line in lines if matches(symptom.log, line)), "")


def _exit_codes(failure: Failure) -> set[int]:
    """The task's own exit code, and that of the command which it says has failed."""
    named = {int(code) for code in _EXIT_CODE.findall(failure.reason[:LOG_TAIL_BYTES])}
    return named if failure.exit_code is None else {*named, failure.exit_code}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _found(issue: Issue, line: str) -> Found:
    front = issue.front
    title = front.title
    if "{named}" in title:
        title = title.replace("{named}", _named(front.named, line) or "?")
    return Found(
        key=issue.key,
        title=clean_line(title),
        cause=issue.cause,
        remedy=issue.remedy,
        evidence=clean_line(line)[:300],
        runbook=front.runbook,
        step=front.step,
    )


def _named(pattern: str | None, line: str) -> str | None:
    if pattern is None:
        return None
    words = (word.strip(".") for word in _WORDS.findall(line))
    return next((word for word in words if matches(rf"\A(?:{pattern})\z", word)), None)


@lru_cache(maxsize=512)
def _validator(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text, in time linear in it; a pattern that is none never is."""
    try:
        _validator(pattern).validate_python(text.encode("utf-8", "replace").decode())
    except ValidationError:
        return False
    return True
