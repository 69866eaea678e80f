"""A task within the test's own process: as an attempt would run it, without the time that one takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import HandrailError
from handrail.tasks.collection import shipped
from handrail.tasks.program import execute
from handrail.tasks.workplace import Site


@dataclass(frozen=True)
class Said:
    """What a task reported and printed; `error` is what it raised, as a person reads it."""

    report: tuple[dict[str, Any], ...]
    log: str
    error: str

    @property
    def verdict(self) -> str | None:
        return next((entry["verdict"] for entry in reversed(self.report) if "verdict" in entry), None)

    @property
    def facts(self) -> dict[str, Any]:
        return {entry["fact"]: entry["value"] for entry in self.report if "fact" in entry}


class Inside:
    """Runs tasks here, each with a report of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
        self._folder, self._monkeypatch, self._capfd = folder, monkeypatch, capfd

    def __call__(
        self,
        name: str,
        arguments: Mapping[str, object],
        target: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> Said:
        report = self._folder / f"report-{len(list(self._folder.glob('report-*')))}"
        report.touch()
        error = ""
        with self._monkeypatch.context() as patch:
            patch.setenv("HANDRAIL_REPORT", str(report))
            patch.delenv("HANDRAIL_ATTEMPT", raising=False)
            for variable, value in (environment or {}).items():
                patch.setenv(variable, value)
            try:
                execute(shipped(name.partition(".")[0]), name, arguments, Site(target))
            except HandrailError as raised:
                error = str(raised)
        captured = self._capfd.readouterr()
        lines = tuple(json.loads(line) for line in report.read_text().splitlines())
        return Said(lines, captured.out + captured.err + error, error)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Inside:
    """Runs a task here."""
    return Inside(tmp_path, monkeypatch, capfd)
