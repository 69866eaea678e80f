"""What one attempt runs, as the launcher writes it and the shim reads it.

Standard library only: the shim imports this module.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

SPEC_FORMAT = 1


@dataclass(frozen=True, slots=True)
class AttemptSpec:
    """One attempt's program and its limits; `timeout_seconds` is None for one without a limit.

    `environment` is added to the inherited one. `task` is for the task's process, not for the shim.
    """

    run: str
    attempt: int
    step: str
    purpose: str
    argv: tuple[str, ...]
    cwd: str
    environment: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None
    grace_seconds: float = 10.0
    task: dict[str, Any] | None = None

    def as_json(self) -> bytes:
        """The spec as the content of `spec.json`."""
        return json.dumps({"format": SPEC_FORMAT, **asdict(self)}, indent=1).encode()


def read_spec(path: Path) -> AttemptSpec:
    """The spec in a file. Raises `OSError`, and `ValueError` for one that is not a spec."""
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict) or values.get("format") != SPEC_FORMAT:
        raise ValueError(f"{path} is not an attempt's spec of format {SPEC_FORMAT}")
    known = {each.name for each in fields(AttemptSpec)}
    if not isinstance(values.get("argv"), list) or not values["argv"]:
        raise ValueError(f"{path} names no program to run")
    try:
        return AttemptSpec(
            **{name: value for name, value in values.items() if name in known}
            | {"argv": tuple(values["argv"])}
        )
    except TypeError as error:
        raise ValueError(f"{path} is not complete: {error}") from error
