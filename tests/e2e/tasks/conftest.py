"""Attempts as the shim starts them: `python -m handrail.tasks --attempt FOLDER` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handrail.project.model import Target
from sandbox_fixture import sandbox, sandbox_session, shop

__all__ = ["begin", "sandbox", "sandbox_session", "shop"]


@dataclass(frozen=True)
class Done:
    """What became of one attempt: exit code, log, and the lines of its report."""

    folder: Path
    code: int
    log: str
    report: tuple[dict[str, Any], ...]

    @property
    def facts(self) -> dict[str, Any]:
        return {entry["fact"]: entry["value"] for entry in self.report if "fact" in entry}

    @property
    def verdict(self) -> str | None:
        return next((entry["verdict"] for entry in reversed(self.report) if "verdict" in entry), None)


Begin = Callable[..., Done]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Runs a task in an attempt of one run, its output in the attempt's log file."""
    attempts = tmp_path / "attempts"

    def start(
        name: str,
        arguments: Mapping[str, Any] | None = None,
        target: Target | Mapping[str, Any] | None = None,
        *,
        tasks_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        number = len(list(attempts.glob("*"))) + 1
        folder = attempts / f"{number:04d}"
        folder.mkdir(parents=True)
        raw = (
            target.model_dump(mode="json", by_alias=True)
            if isinstance(target, Target)
            else dict(target or {})
        )
        task = {
            "name": name,
            "arguments": dict(arguments or {}),
            "tasks_file": str(tasks_file) if tasks_file else None,
            "target": raw,
        }
        (folder / "spec.json").write_text(json.dumps({"format": 1, "task": task}))
        with (folder / "log").open("wb") as log:
            code = subprocess.run(
                [sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=tmp_path,
                env={**os.environ, "HANDRAIL_REPORT": str(folder / "report.jsonl"), **(environment or {})},
                timeout=180,
                check=False,
            ).returncode
        report = folder / "report.jsonl"
        lines = report.read_text().splitlines() if report.exists() else []
        return Done(folder, code, (folder / "log").read_text(), tuple(json.loads(line) for line in lines))

    return start
