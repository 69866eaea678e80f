"""What a sampler is told: the target as the plan froze it, and how its samples are put together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SPEC_FORMAT = 1
LARGEST_SPEC_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SamplerSpec:
    """One sampler's orders. `target` is the model's own dump, `window_seconds` the length of each window."""

    target: dict[str, Any]
    window_seconds: float
    run: str = ""
    tasks_file: str | None = None

    def as_line(self) -> bytes:
        """The spec as one JSON line."""
        values = {
            "format": SPEC_FORMAT,
            "run": self.run,
            "target": self.target,
            "window_seconds": self.window_seconds,
            "tasks_file": self.tasks_file,
        }
        return json.dumps(values).encode() + b"\n"


def read_spec(text: bytes) -> SamplerSpec:
    """A spec from its JSON. Raises `ValueError` for what isn't one."""
    values = json.loads(text)
    if not isinstance(values, dict) or values.get("format") != SPEC_FORMAT:
        raise ValueError(f"not a sampler's spec of format {SPEC_FORMAT}")
    target, seconds = values.get("target"), values.get("window_seconds")
    if not isinstance(target, dict) or isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError("a sampler's spec has a target and window_seconds")
    if not 0.1 <= seconds <= 3600:
        raise ValueError("window_seconds from 0.1 to 3600")
    tasks_file = values.get("tasks_file")
    return SamplerSpec(
        target, float(seconds), str(values.get("run", "")), str(tasks_file) if tasks_file else None
    )
