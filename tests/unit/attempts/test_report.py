"""What a task reported, however it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.attempts.report import REPORT_LIMIT_BYTES, Report, read_report
from handrail.errors import StorageFault
from handrail.paths import AttemptFiles

PASS = b'{"verdict": "pass", "evidence": "all well"}\n'


def report_of(folder: Path, content: bytes) -> Report:
    files = AttemptFiles(folder)
    files.report.write_bytes(content)
    return read_report(files)


def test_no_report_says_nothing(tmp_path: Path) -> None:
    assert read_report(AttemptFiles(tmp_path)) == Report()


@pytest.mark.parametrize(
    ("content", "facts", "verdict", "problems"),
    [
        (b"", {}, None, 0),
        (b'{"fact": "a", "value": 1}\n{"fact": "a", "value": "x"}\n', {"a": "x"}, None, 0),
        (
            b'{"fact": "none", "value": null}\n\n{"fact": "yes", "value": true}',
            {"none": None, "yes": True},
            None,
            0,
        ),
        (b'{"failure": "why"}\n', {}, None, 0),
        (PASS, {}, "pass", 0),
        (PASS + b'{"verdict": "fail"}\n', {}, "fail", 0),
        (b'{"verdict": "fail"}\n' + PASS, {}, "pass", 0),
        (PASS + b'{"verdict": "fa', {}, "pass", 1),
        (PASS + b'{"verdict": "passed"}\n', {}, "unknown", 1),
        (PASS + b'{"verdict": ["pass"]}\n', {}, "unknown", 1),
        (b'{"fact": "a", "value": [1]}\n{"fact": 1, "value": 1}\n{"fact": "", "value": 1}\n', {}, None, 3),
        (b'{"fact": "a", "value": NaN}\n{"fact": "a", "value": 1e999}\n', {}, None, 2),
        (b'[1]\n"x"\n{"other": 1}\n', {}, None, 3),
        (b"\xff\xfe\n" + PASS, {}, "pass", 1),
        (b"[" * 100_000 + b"\n" + PASS, {}, "pass", 1),
    ],
)
def test_lines(
    tmp_path: Path, content: bytes, facts: dict[str, Any], verdict: str | None, problems: int
) -> None:
    report = report_of(tmp_path, content)
    assert (report.facts, report.verdict, len(report.problems)) == (facts, verdict, problems)


def test_what_lies_beyond_the_limit_can_t_pass(tmp_path: Path) -> None:
    line = b'{"fact": "a", "value": "%s"}\n' % (b"x" * 100)
    report = report_of(
        tmp_path, PASS + line * (REPORT_LIMIT_BYTES // len(line) + 1) + b'{"verdict": "fail"}\n'
    )
    assert report.verdict == "unknown"
    assert "longer than" in report.evidence
    assert len(report.problems) == 1


def test_a_report_that_can_t_be_read_is_a_storage_fault(tmp_path: Path) -> None:
    AttemptFiles(tmp_path).report.mkdir()
    with pytest.raises(StorageFault, match="can't be read"):
        read_report(AttemptFiles(tmp_path))


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300))
def test_no_content_is_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    report = report_of(tmp_path_factory.mktemp("report"), content)
    assert report.verdict in (None, "pass", "fail", "unknown")
