"""`handrail report`: where it writes, what it leaves alone, and what it says of what it can't be sure of."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from handrail.cli import log_tails
from handrail.cli.log_tails import log_tail
from handrail.cli.main import main
from handrail.errors import ExitCode
from handrail.paths import StateFolder
from handrail.project.model import Announce, Secret, Target
from handrail.run import commands as c
from reported import journaled
from walk import Walk, smoke, task

RUN = "20260728-1403-deploy-abcd"
SECRET = "https://hooks.example.com/services/T0/B0/Zx9Qw3rTy7"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, whose state directory has one short run."""
    monkeypatch.delenv("HANDRAIL_STATE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def states(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "xdg" / "handrail")


def short(*, over: bool = True, **fields: object) -> Walk:
    walk = Walk(task("build"), smoke(), **fields)
    walk.run("build")
    walk.start("smoke")
    walk.end(1, evidence="checkout answers 500")
    walk.do(c.AddNote(text=f"posted to {SECRET}"))
    if over:
        walk.do(c.AbortRun(reason="enough"))
    return walk


def secret_target(tmp_path: Path) -> Target:
    file = tmp_path / "webhook"
    file.write_text(SECRET)
    return Target(name="production", announce=Announce(webhook=Secret(file=file)))


def test_both_are_written_here_for_the_owner_alone(here: Path, tmp_path: Path, capsys) -> None:
    journaled(short(target=secret_target(tmp_path)), states(tmp_path), RUN)
    assert main(["report", "1403"]) == ExitCode.FINISHED
    assert sorted(path.name for path in here.iterdir()) == [f"{RUN}.html", f"{RUN}.md"]
    for path in here.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text()
        assert "checkout answers 500" in text
        assert "[2] line 12 of the log" in text
        assert SECRET not in text
    out = capsys.readouterr().out
    assert f"Wrote {RUN}.html" in out
    assert "Readable by you alone" in out


def test_a_report_is_written_anew_and_nothing_else_is_overwritten(here: Path, tmp_path: Path, capsys) -> None:
    journaled(short(), states(tmp_path), RUN)
    other = RUN.replace("abcd", "efgh")
    journaled(short(over=False), states(tmp_path), other)
    assert main(["report", RUN]) == ExitCode.FINISHED
    assert main(["report", RUN]) == ExitCode.FINISHED
    mine = here / "mine.html"
    mine.write_text("<p>my own page</p>")
    assert main(["report", RUN, "--to", "mine.html"]) == ExitCode.REFUSED
    assert main(["report", other, "--to", f"{RUN}.html"]) == ExitCode.REFUSED
    assert mine.read_text() == "<p>my own page</p>"
    assert "no report of this run" in capsys.readouterr().err
    assert main(["report", RUN, "--to", "mine.html", "--force"]) == ExitCode.FINISHED
    assert "Deploy" in mine.read_text()
    assert [path.name for path in here.iterdir() if path.name.endswith(".new")] == []


def test_nothing_is_written_where_one_of_two_can_not_be(here: Path, tmp_path: Path) -> None:
    journaled(short(), states(tmp_path), RUN)
    (here / f"{RUN}.md").write_text("my notes")
    assert main(["report", RUN]) == ExitCode.REFUSED
    assert not (here / f"{RUN}.html").exists()


@pytest.mark.parametrize(
    ("words", "files", "code"),
    [
        (["--format", "html"], [f"{RUN}.html"], ExitCode.FINISHED),
        (["--format", "md", "--to", "out"], [f"out/{RUN}.md"], ExitCode.FINISHED),
        (["--to", "out/"], [f"out/{RUN}.html", f"out/{RUN}.md"], ExitCode.FINISHED),
        (["--to", "out/a.md"], ["out/a.md"], ExitCode.FINISHED),
        (["--to", "a.txt", "--format", "md"], ["a.txt"], ExitCode.FINISHED),
        (["--to", "a.txt"], [], ExitCode.WRONG_USAGE),
        (["--to", "a.html", "--format", "md"], [], ExitCode.WRONG_USAGE),
        (["--to", "a.html", "--format", "both"], [], ExitCode.WRONG_USAGE),
        (["--to", "missing/"], [], ExitCode.WRONG_USAGE),
        (["--to", "missing/a.html"], [], ExitCode.WRONG_USAGE),
    ],
)
def test_where_it_is_written(
    here: Path, tmp_path: Path, words: list[str], files: list[str], code: int
) -> None:
    journaled(short(), states(tmp_path), RUN)
    (here / "out").mkdir()
    assert main(["report", RUN, *words]) == code
    assert sorted(str(p.relative_to(here)) for p in here.rglob("*") if p.is_file()) == sorted(files)


def test_an_open_run_is_said_to_be_open(here: Path, tmp_path: Path) -> None:
    journaled(short(over=False), states(tmp_path), RUN)
    assert main(["report"]) == ExitCode.FINISHED
    assert "This run is still open." in (here / f"{RUN}.md").read_text()


def test_a_damaged_journal_is_told_as_far_as_it_holds(here: Path, tmp_path: Path, capsys) -> None:
    journaled(short(), states(tmp_path), RUN)
    with sqlite3.connect(states(tmp_path).journal) as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute(
            "UPDATE events SET body = replace(body, 'posted to', 'stolen by') WHERE body LIKE '%posted to%'"
        )
    db.close()
    assert main(["report", RUN]) == ExitCode.FINISHED
    text = (here / f"{RUN}.md").read_text()
    assert "THE JOURNAL OF THIS RUN IS DAMAGED" in text
    assert "stolen by" not in text
    assert "checkout answers 500" in text
    assert "JOURNAL DAMAGED" in capsys.readouterr().err


def test_a_secret_that_can_not_be_read_keeps_the_report_back(here: Path, tmp_path: Path, capsys) -> None:
    target = secret_target(tmp_path)
    journaled(short(target=target), states(tmp_path), RUN)
    (tmp_path / "webhook").unlink()
    assert main(["report", RUN]) == ExitCode.REFUSED
    assert list(here.iterdir()) == []
    assert str(tmp_path / "webhook") in capsys.readouterr().err
    assert main(["report", RUN, "--incomplete-mask"]) == ExitCode.FINISHED
    assert "NOT masked" in (here / f"{RUN}.md").read_text()
    assert "NOT masked" in capsys.readouterr().err


def test_without_such_a_run_nothing_is_written(here: Path, tmp_path: Path) -> None:
    assert main(["report", "nothing"]) == ExitCode.WRONG_USAGE
    journaled(short(), states(tmp_path), RUN)
    assert main(["report", "nothing"]) == ExitCode.WRONG_USAGE
    assert main(["report"]) == ExitCode.WRONG_USAGE
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "lines", "whole"),
    [
        (b"", (), True),
        (b"a\nb\n", ("a", "b"), True),
        (b"a\nb", ("a", "b"), True),
        (b"a\r\nb\r\n", ("a", "b"), True),
        (b"1\n2\n3\n4\n", ("2", "3", "4"), False),
        (b"\xff\xfe\n", ("\ufffd\ufffd",), True),
        (b"x" * 40 + b"\nlast\n", ("last",), False),
        (b"x" * 60, ("(one line that is too long to be shown)",), False),
    ],
)
def test_the_tail_of_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, lines: tuple[str, ...], whole: bool
) -> None:
    monkeypatch.setattr(log_tails, "MOST_BYTES", 32)
    (tmp_path / "log").write_bytes(content)
    tail = log_tail(tmp_path / "log", 3)
    assert tail is not None
    assert (tail.lines, tail.whole, tail.size_bytes) == (lines, whole, len(content))
    assert log_tail(tmp_path / "missing", 3) is None
