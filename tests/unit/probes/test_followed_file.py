"""A file that others write: appended to, renamed, exchanged, cut short, removed, and full of nonsense."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.probes import followed_file
from handrail.probes.followed_file import LONGEST_LINE_BYTES, LOOKS_AT_OLD, FollowedFile


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"of before\n")
    return path


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def lines(file: FollowedFile) -> list[bytes]:
    return file.read().lines


def test_nothing_of_before_the_start_is_read(log: Path) -> None:
    file = FollowedFile(log)
    assert lines(file) == []
    append(log, b"one\ntwo\n")
    assert lines(file) == [b"one", b"two"]
    assert lines(file) == []
    file.close()


def test_the_rest_of_a_line_that_was_begun_before_the_start_is_of_before(log: Path) -> None:
    append(log, b"an error that beg")
    file = FollowedFile(log)
    append(log, b"an before\nnew\n")
    assert lines(file) == [b"new"]
    file.close()


def test_a_line_counts_once_it_is_whole(log: Path) -> None:
    file = FollowedFile(log)
    append(log, b"half")
    assert lines(file) == []
    append(log, b" and half\nnext")
    assert lines(file) == [b"half and half"]
    file.close()


def test_renamed_and_made_anew_no_line_is_lost_nor_read_twice(log: Path) -> None:
    file = FollowedFile(log)
    append(log, b"one\n")
    old = log.rename(log.with_suffix(".1"))
    append(old, b"two\nthree")
    append(log, b"four\n")
    assert lines(file) == [b"one", b"two", b"four"]
    # The application hasn't changed over yet: it goes on in the old file for a moment.
    append(old, b" and more\n")
    append(log, b"five\n")
    assert lines(file) == [b"three and more", b"five"]
    file.close()


def test_the_old_file_is_let_go_in_time_and_its_last_line_counts(log: Path) -> None:
    file = FollowedFile(log)
    append(log, b"without end")
    log.rename(log.with_suffix(".1"))
    append(log, b"new\n")
    found = [line for _ in range(LOOKS_AT_OLD + 1) for line in lines(file)]
    assert sorted(found) == [b"new", b"without end"]
    assert len(file._old) == 0
    file.close()


def test_a_name_that_is_free_for_a_moment(log: Path) -> None:
    file = FollowedFile(log)
    append(log, b"one\n")
    log.rename(log.with_suffix(".1"))
    assert lines(file) == [b"one"]
    with pytest.raises(OSError, match="No such file"):
        file.read()
    append(log, b"two\n")
    assert lines(file) == [b"two"]
    file.close()


def test_copied_and_cut_to_nothing(log: Path) -> None:
    file = FollowedFile(log)
    append(log, b"one\n")
    assert lines(file) == [b"one"]
    os.truncate(log, 0)
    append(log, b"two\n")
    assert lines(file) == [b"two"]
    file.close()


def test_cut_and_grown_beyond_our_place_between_two_looks(log: Path) -> None:
    file = FollowedFile(log)
    append(log, b"one\n")
    assert lines(file) == [b"one"]
    os.truncate(log, 0)
    append(log, b"another beginning of the file\ntwo\n")
    assert lines(file) == [b"another beginning of the file", b"two"]
    file.close()


def test_a_file_that_is_not_there_yet_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = FollowedFile(tmp_path / "late.log")
    with pytest.raises(OSError, match="No such file"):
        file.read()
    append(tmp_path / "late.log", b"one\n")
    assert lines(file) == [b"one"]
    file.close()


def test_of_a_line_without_end_the_beginning_is_kept(log: Path) -> None:
    file = FollowedFile(log)
    for _ in range(5):
        append(log, b"x" * 100_000)
        assert lines(file) == []
        assert len(file._current.begun) == LONGEST_LINE_BYTES
    append(log, b"\nnext\n")
    assert lines(file) == [b"x" * LONGEST_LINE_BYTES, b"next"]
    file.close()


def test_more_than_a_look_reads_is_skipped_and_said(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_file, "MOST_BYTES", 100_000)
    file = FollowedFile(log)
    append(log, b"early\n" + b"x" * 200_000 + b"\nlate\n")
    new = file.read()
    assert new.lines == [b"late"]
    assert new.skipped > 100_000
    append(log, b"next\n")
    assert lines(file) == [b"next"]
    file.close()


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_can_not_be_read_and_never_hangs(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    file = FollowedFile(path)
    with pytest.raises(OSError, match=r"Is a directory|Illegal seek|Device"):
        file.read()
    file.close()


def test_every_descriptor_is_given_back(log: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    file = FollowedFile(log)
    for number in range(10):
        log.rename(log.with_suffix(f".{number}"))
        append(log, b"x\n")
        file.read()
    file.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


STEPS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=20).map(lambda text: ("write", text.replace(b"\n", b" "))),
        st.sampled_from([("end", b""), ("look", b""), ("rotate", b"")]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_however_it_is_written_and_rotated_each_line_is_read_once(tmp_path_factory, steps) -> None:
    path = tmp_path_factory.mktemp("logs") / "app.log"
    path.touch()
    file = FollowedFile(path)
    written, begun, found, rotations = [], b"", [], 0
    for what, text in steps:
        if what == "write":
            append(path, text)
            begun += text
        elif what == "end":
            append(path, b"\n")
            written.append(begun)
            begun = b""
        elif what == "look":
            found += lines(file)
        elif not begun:
            # A look between two rotations, as logrotate's days and a look every few seconds see to.
            found += lines(file)
            rotations += 1
            path.rename(path.with_suffix(f".{rotations}"))
            path.touch()
    found += lines(file)
    file.close()
    assert found == written
