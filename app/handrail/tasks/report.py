"""What a task tells the run: facts for later steps, and a check's verdict.

The lines go to the file named by `HANDRAIL_REPORT` (docs/architecture.md, "What a task reports"); run
alone with `inv`, without that variable, they are printed for the person.
"""

from __future__ import annotations

import json
import os
from typing import Any

VARIABLE = "HANDRAIL_REPORT"
VERDICTS = ("pass", "fail", "unknown")
LONGEST_EVIDENCE = 4_000


def fact(name: str, value: object) -> None:
    """Report a fact: text, a number, a truth value or None. Raises `ValueError` for anything else."""
    if not isinstance(value, str | int | float | bool | None):
        raise ValueError(f"the fact {name} must be a plain value, not {type(value).__name__}")
    print(f"fact {name} = {value}", flush=True)
    _append({"fact": name, "value": value})


def verdict(word: str, evidence: str) -> None:
    """Report a check's verdict with what was seen; the last one counts."""
    if word not in VERDICTS:
        raise ValueError(f"a verdict is one of {', '.join(VERDICTS)}, not {word!r}")
    print(f"{word}: {evidence}", flush=True)
    _append({"verdict": word, "evidence": evidence[:LONGEST_EVIDENCE]})


def failure(summary: str) -> None:
    """Report in one sentence why the task failed, for whoever reads the run and not its log."""
    _append({"failure": summary[:LONGEST_EVIDENCE]})


def _append(entry: dict[str, Any]) -> None:
    path = os.environ.get(VARIABLE)
    if not path:
        return
    line = (json.dumps(entry, ensure_ascii=False) + "\n").encode()
    # One write in append mode: a fence and its children may report at the same time.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
