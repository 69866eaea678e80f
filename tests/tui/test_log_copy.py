"""What leaves the screen: a clipboard's text, a file beside the log, a pager's input."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from handrail.text import MASK
from handrail.tui.log_copy import CLIPBOARD_BYTES, clipboard_excerpt, for_pager, write_excerpt
from handrail.tui.log_index import LogIndex
from handrail.tui.pager import Pager, choose_pager, show

HOSTILE = b"\x1b[31mred\x1b[0m \x1b]52;c;ZXZpbA==\x07\x1b[2J\x1bc\x9b31m \x1b[8mhidden hunter22\r\n"


@pytest.fixture
def index(tmp_path: Path) -> LogIndex:
    path = tmp_path / "log"
    path.write_bytes(HOSTILE + b"".join(b"line %d\n" % n for n in range(2, 5000)) + b"no end")
    index = LogIndex(path)
    while index.grow():
        pass
    return index


def controls(text: str) -> set[str]:
    return set(text) & {chr(code) for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0))}


def test_lines_are_copied_whole_clean_and_masked(index: LogIndex) -> None:
    excerpt = clipboard_excerpt(index, 0, 3, ("hunter22",))
    assert excerpt.whole
    assert excerpt.lines == 3
    assert excerpt.text.endswith(f"hidden {MASK}\nline 2\nline 3\n")
    assert not controls(excerpt.text)
    assert clipboard_excerpt(index, 4999, 1).text == "no end\n"


def test_a_clipboard_is_bounded_by_whole_lines(index: LogIndex, tmp_path: Path) -> None:
    excerpt = clipboard_excerpt(index, 1, 4000)
    assert not excerpt.whole
    assert 2000 < excerpt.lines < 4000
    assert len(excerpt.text.encode()) <= CLIPBOARD_BYTES
    assert excerpt.text.count("\n") == excerpt.lines
    path = tmp_path / "long"
    path.write_text("ä" * CLIPBOARD_BYTES)
    long = LogIndex(path)
    long.grow()
    cut = clipboard_excerpt(long, 0, 1)
    assert (cut.whole, cut.lines) == (False, 1)
    assert len(cut.text) == CLIPBOARD_BYTES // 2


def test_a_file_is_the_owner_s_alone_and_replaces_nothing(index: LogIndex) -> None:
    before = os.umask(0)
    try:
        paths = [write_excerpt(index, 0, 5000, ("hunter22",)) for _ in range(2)]
    finally:
        os.umask(before)
    assert [path.name for path in paths] == ["log.lines-1-5000.txt", "log.lines-1-5000-2.txt"]
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text()
        assert len(text.splitlines()) == 5000
        assert not controls(text)
        assert "hunter22" not in text


def test_a_link_in_the_way_is_not_followed(index: LogIndex, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "log.lines-1-2.txt").symlink_to(elsewhere)
    assert write_excerpt(index, 0, 2).name == "log.lines-1-2-2.txt"
    assert not elsewhere.exists()


@pytest.mark.parametrize("colours", [True, False])
def test_a_pager_never_gets_the_raw_file(index: LogIndex, colours: bool) -> None:
    text = b"".join(for_pager(index, ("hunter22",), colours=colours)).decode()
    assert "hunter22" not in text
    first = text.splitlines()[0]
    assert first.startswith("\x1b[31mred\x1b[0m ␛]52;" if colours else "red ␛]52;")
    assert "\x1b[8m" not in text
    assert not controls(text.replace("\x1b[31m", "").replace("\x1b[0m", ""))
    assert len(text.splitlines()) == 5000


def test_which_pager(tmp_path: Path) -> None:
    for name in ("less", "most", "more"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    path = str(tmp_path)
    assert choose_pager({"PATH": path, "PAGER": "most -s"}) == Pager(("most", "-s"), colours=False)
    assert choose_pager({"PATH": path, "PAGER": "less -FRX"}) == Pager(("less", "-FRX"), colours=True)
    assert choose_pager({"PATH": path, "PAGER": "less"}) == Pager(("less", "-R"), colours=True)
    for wrong in ("", "nowhere", "'"):
        assert choose_pager({"PATH": path, "PAGER": wrong}) == Pager(("less", "-R"), colours=True)
    (tmp_path / "less").unlink()
    assert choose_pager({"PATH": path}) == Pager(("more",), colours=False)
    assert choose_pager({"PATH": str(tmp_path / "empty")}) is None


def test_a_pager_that_is_left_early_or_fails(tmp_path: Path) -> None:
    def endless():  # type: ignore[no-untyped-def]
        while True:
            yield b"line\n" * 1000

    environment = dict(os.environ)
    left = Pager((sys.executable, "-c", "import sys; sys.stdin.readline()"), colours=False)
    assert show(left, endless(), environment) == ""
    failing = Pager((sys.executable, "-c", "import sys; sys.exit(7)"), colours=False)
    assert "code 7" in show(failing, [b"x"], environment)
    missing = Pager((str(tmp_path / "nowhere"),), colours=False)
    assert "can't be started" in show(missing, [b"x"], environment)
