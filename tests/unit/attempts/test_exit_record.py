"""The exit record: whole, or absent."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.attempts import exit_record
from handrail.attempts.exit_record import RECORD_SIZE, ExitRecord, LeftBehind
from handrail.clock import Instant

INSTANTS = st.builds(Instant, wall=st.floats(0, 1e10), boot=st.floats(0, 1e9), boot_id=st.text(max_size=40))
PROCESSES = st.lists(
    st.builds(
        LeftBehind,
        pid=st.integers(1, 2**22),
        started=st.integers(0, 2**40).map(str),
        name=st.text(max_size=15),
        command=st.text(max_size=80),
    ),
    max_size=3,
).map(tuple)
RECORDS = st.builds(
    ExitRecord,
    started=INSTANTS,
    ended=INSTANTS,
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    start_error=st.none() | st.text(max_size=100),
    timed_out=st.booleans(),
    cancelled=st.booleans(),
    left_behind=PROCESSES,
    log_bytes=st.integers(0, 2**50),
)
PLAIN = ExitRecord(Instant(1.0, 2.0, "b"), Instant(3.0, 4.0, "b"), exit_code=0, log_bytes=7)


def written(path: Path, record: ExitRecord) -> bytes:
    path.unlink(missing_ok=True)
    descriptor = exit_record.allocate(path)
    try:
        exit_record.write(descriptor, record)
    finally:
        os.close(descriptor)
    return path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(record=RECORDS)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, record: ExitRecord) -> None:
    path = tmp_path_factory.mktemp("record") / "exit"
    assert len(written(path, record)) == RECORD_SIZE
    assert exit_record.read(path) == record


def test_space_that_was_only_allocated_is_no_record(tmp_path: Path) -> None:
    os.close(exit_record.allocate(tmp_path / "exit"))
    assert (tmp_path / "exit").stat().st_size == RECORD_SIZE
    assert exit_record.read(tmp_path / "exit") is None
    assert exit_record.read(tmp_path / "missing") is None


@dataclass(frozen=True, slots=True)
class LaterRecord(ExitRecord):
    """What a shim of a later release may write: handrail was upgraded while a run was open."""

    weather: str = "fair"


def test_an_engine_reads_the_record_of_a_newer_shim(tmp_path: Path) -> None:
    path = tmp_path / "exit"
    written(path, LaterRecord(**asdict(PLAIN), weather="foul"))
    assert exit_record.read(path) == PLAIN


def test_a_record_cut_off_anywhere_is_none(tmp_path: Path) -> None:
    path = tmp_path / "exit"
    content = written(path, PLAIN)
    length = len(content.rstrip(b"\0"))
    for kept in range(length):
        path.write_bytes(content[:kept].ljust(RECORD_SIZE, b"\0"))
        assert exit_record.read(path) is None, kept
        path.write_bytes(content[:kept])
        assert exit_record.read(path) is None, kept


def test_a_record_with_any_byte_changed_is_none(tmp_path: Path) -> None:
    path = tmp_path / "exit"
    content = written(path, PLAIN)
    for place in range(len(content.rstrip(b"\0"))):
        changed = bytearray(content)
        changed[place] ^= 0x01
        path.write_bytes(changed)
        assert exit_record.read(path) is None, place


def test_more_leftovers_than_there_is_space_for_are_counted(tmp_path: Path) -> None:
    many = tuple(LeftBehind(pid, "1", "node", "x" * 80) for pid in range(1, 201))
    record = ExitRecord(PLAIN.started, PLAIN.ended, exit_code=0, left_behind=many, still_in_group=many[:3])
    assert len(written(tmp_path / "exit", record)) == RECORD_SIZE
    read = exit_record.read(tmp_path / "exit")
    assert read is not None
    assert len(read.left_behind) + len(read.still_in_group) + read.unlisted == 203
    assert read.left_behind == many[: len(read.left_behind)]
    assert len(read.still_in_group) == 3


@pytest.mark.parametrize(
    ("record", "succeeded"),
    [
        (PLAIN, True),
        (ExitRecord(PLAIN.started, PLAIN.ended, exit_code=1), False),
        (ExitRecord(PLAIN.started, PLAIN.ended, exit_code=0, timed_out=True), False),
        (ExitRecord(PLAIN.started, PLAIN.ended, exit_code=0, cancelled=True), False),
        (ExitRecord(PLAIN.started, PLAIN.ended, signal=9), False),
        (ExitRecord(PLAIN.started, PLAIN.ended, start_error="missing"), False),
    ],
)
def test_success_is_exit_code_zero_by_itself(record: ExitRecord, succeeded: bool) -> None:
    assert record.succeeded is succeeded
