"""What became of an attempt, as a table of the files that were found."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from handrail.attempts import exit_record
from handrail.attempts.exit_record import ExitRecord
from handrail.attempts.outcome import Exited, InDoubt, NeverStarted, Running, read_outcome, seal
from handrail.attempts.spec import AttemptSpec, read_spec
from handrail.clock import Instant, boot_id
from handrail.errors import StorageFault
from handrail.paths import AttemptFiles
from handrail.processes import ProcessIdentity

AT = {"wall": 1_700_000_000.0, "boot": 5.0, "boot_id": "b"}
ALIVE = ProcessIdentity.own().as_dict() | {"at": AT}
DEAD = {"pid": os.getpid(), "started": "0", "boot_id": boot_id(), "at": AT}
OTHER_BOOT = {"pid": os.getpid(), "started": ALIVE["started"], "boot_id": "another", "at": AT}
SINCE = Instant(**AT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claim", "task", "held", "expected"),
    [
        (None, None, False, NeverStarted("Its shim has not claimed it.")),
        # A shim that has the lock and no claim yet is not looked at.
        (None, None, True, NeverStarted("Its shim has not claimed it.")),
        (DEAD, None, True, Running(None, SINCE)),
        (DEAD, ALIVE, True, Running(ProcessIdentity.own(), SINCE)),
        (DEAD, ALIVE, False, Running(ProcessIdentity.own(), SINCE, orphaned=True)),
        (DEAD, None, False, NeverStarted("Its shim ended before it let the task go.", sealed=True)),
        ("", None, True, Running(None, None)),
        ("", None, False, NeverStarted("Its shim ended before it let the task go.", sealed=True)),
        ({"void": True}, None, False, NeverStarted("It was sealed before its shim came.", sealed=True)),
        (DEAD, DEAD, False, InDoubt),
        (OTHER_BOOT, OTHER_BOOT, False, InDoubt),
        (DEAD, {}, False, InDoubt),
    ],
)
def test_the_outcome_by_its_files(tmp_path: Path, claim: Any, task: Any, held: bool, expected: Any) -> None:
    files = AttemptFiles(tmp_path)
    for path, content in ((files.claim, claim), (files.task, task)):
        if content is not None:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    descriptor = os.open(files.lock, os.O_RDWR | os.O_CREAT)
    try:
        if held:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        found = read_outcome(files)
    finally:
        os.close(descriptor)
    assert type(found) is expected if isinstance(expected, type) else found == expected
    if isinstance(found, InDoubt) and task is OTHER_BOOT:
        assert "restarted" in found.evidence
        assert "2023-11-14 22:13:20 UTC" in found.evidence


def test_a_record_counts_even_while_the_lock_is_held(tmp_path: Path) -> None:
    files = AttemptFiles(tmp_path)
    files.claim.write_text(json.dumps(DEAD))
    record = ExitRecord(SINCE, SINCE, exit_code=0)
    descriptor = exit_record.allocate(files.exit)
    exit_record.write(descriptor, record)
    os.close(descriptor)
    assert read_outcome(files) == Exited(record)


def test_an_end_between_the_two_looks_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = AttemptFiles(tmp_path)
    files.claim.write_text(json.dumps(DEAD))
    files.task.write_text(json.dumps(DEAD))
    record = ExitRecord(SINCE, SINCE, exit_code=0)

    def ends_now(lock: Path) -> bool:
        descriptor = exit_record.allocate(files.exit)
        exit_record.write(descriptor, record)
        os.close(descriptor)
        return False

    monkeypatch.setattr("handrail.attempts.outcome._is_held", ends_now)
    assert read_outcome(files) == Exited(record)


def test_sealing_a_folder_that_was_never_made(tmp_path: Path) -> None:
    files = AttemptFiles(tmp_path / "attempts" / "0001")
    assert seal(files) == NeverStarted("It was sealed before its shim came.", sealed=True)


def test_a_folder_that_can_t_be_made_is_a_storage_fault(tmp_path: Path) -> None:
    (tmp_path / "attempts").write_text("a file")
    with pytest.raises(StorageFault, match="can't be sealed"):
        seal(AttemptFiles(tmp_path / "attempts" / "0001"))


def test_a_spec_is_read_back(tmp_path: Path) -> None:
    spec = AttemptSpec(
        "r", 3, "deploy/migrate", "step", ("a", "b"), "/", {"X": "é"}, 600.0, 10.0, {"name": "t"}
    )
    path = tmp_path / "spec.json"
    path.write_bytes(spec.as_json())
    assert read_spec(path) == spec
    assert json.loads(path.read_bytes())["format"] == 1


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "argv": []}', '{"format": 1, "argv": ["x"]}']
)
def test_what_is_not_a_spec_is_a_value_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "spec.json").write_text(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ by what is wrong
        read_spec(tmp_path / "spec.json")
