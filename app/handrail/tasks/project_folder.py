"""The project's own clone: a task works in the target's checkout, its attempt was started in the project."""

from __future__ import annotations

import json
import os
from pathlib import Path

from handrail.tasks.report import VARIABLE


def project_folder() -> Path:
    """The folder that the attempt was started in; where a task is run alone, the one that we stand in."""
    report = os.environ.get(VARIABLE)
    if report:
        try:
            named = json.loads((Path(report).parent / "spec.json").read_text(encoding="utf-8")).get("cwd")
        except (OSError, ValueError, AttributeError):
            named = None
        if isinstance(named, str) and Path(named).is_dir():
            return Path(named)
    return Path.cwd()
