"""`handrail hotfix`, `postmortem` and `stats`: their answers, and what they leave alone."""

from __future__ import annotations

import csv
import io
import json
import resource
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from handrail.cli.main import main
from handrail.clock import Instant, ManualClock, SystemClock
from handrail.errors import ExitCode
from handrail.journal.sqlite import SqliteJournal
from handrail.project.model import Target
from handrail.reports.postmortem import BEGIN, TO_WRITE
from handrail.run.events import write_event
from handrail.run.plan import Emergency, PlannedCall
from walk import Walk, smoke, task

RUN = "20261123-0300-hotfix-abcd"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder to stand in, with its state directory."""
    for name in ("HANDRAIL_STATE", "XDG_STATE_HOME", "HANDRAIL_REPORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "handrail.toml").write_text(
        'name = "shop"\nstate = "state"\ndefault_target = "production"\n'
        '[targets.production]\nproduction = true\nurl = "http://127.0.0.1:1"\nnever_waive = ["window.open"]\n'
        "[targets.staging]\n"
    )
    monkeypatch.chdir(folder)
    return folder


def journaled(
    here: Path,
    run: str = RUN,
    *,
    hours_ago: float = 0,
    emergency: bool = True,
    acted: bool = True,
    closed: bool = True,
    target: str = "production",
) -> None:
    """Put a run into the journal, event by event, as an engine would have."""
    now = SystemClock().now().plus(-timedelta(hours=hours_ago))
    clock = ManualClock(Instant(now.wall, 1000.0, "manual"))
    named = (
        Emergency(incident="INC-9", on_call="@x", skipped={"staging.soaked": "it burns"})
        if emergency
        else None
    )
    call = PlannedCall(task="pm2.reload")
    walk = Walk(
        task("restart", call=call),
        smoke(),
        clock=clock,
        emergency=named,
        project_root=str(here),
        target=Target(name=target, production=target == "production"),
        runbook="hotfix" if emergency else "production-deploy",
    )
    if acted:
        walk.run("restart")
        if closed:
            walk.run("smoke")
    elif closed:
        from handrail.run import commands as c

        walk.do(c.AbortRun(reason="no emergency after all"))
    (here / "state").mkdir(exist_ok=True)
    journal = SqliteJournal(here / "state" / "journal.db")
    (first, at), *rest = walk.history
    journal.open_run(run, target, {"name": "operator"}, "Hotfix", [write_event(first)], at)
    for seq, (event, moment) in enumerate(rest, 1):
        last = seq == len(rest) and closed
        journal.append(run, 0, seq, [write_event(event)], moment, release_lock=last)
    journal.close()


def written(here: Path) -> Path:
    [path] = (here / "postmortems").glob("*.md")
    return path


HOTFIX = [
    "hotfix",
    "--incident",
    "INC-1",
    "--on-call",
    "@x",
    "--what",
    "checkout",
    "--tag",
    "v1.3.2",
    "--dry-run",
]


def test_a_hotfix_is_planned_from_its_options(here: Path, capsys) -> None:
    # The announcement and the database of this target are missing: a preview says so where it is needed.
    assert main([*HOTFIX, "--skip", "staging=the shop is down", "--no-push"]) == ExitCode.FINISHED
    out = capsys.readouterr().out
    for words in (
        "EMERGENCY INC-1, on call: @x; skipped: staging.verified (the shop is down)",
        "(the shop is down)",
        "git branch --no-track hotfix/INC-1",
        "push = no",
        "the operator says: @x is here",
    ):
        assert words in out
    assert list(here.iterdir()) == [here / "handrail.toml"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--skip", "window=it burns"], ExitCode.REFUSED, "never waives window.open"),
        (["--skip", "tests=no time"], ExitCode.WRONG_USAGE, "no rule that an emergency may go without"),
        (["--skip", "backup=no time"], ExitCode.WRONG_USAGE, "all other rules stay in force"),
        (["--skip", "staging= "], ExitCode.WRONG_USAGE, "Say why"),
        (["--skip", "staging"], ExitCode.WRONG_USAGE, "NAME=VALUE"),
        (["--param", "incident=--x y"], ExitCode.WRONG_USAGE, "given twice"),
        (["--incident", "a b"], ExitCode.WRONG_USAGE, "incident"),
    ],
)
def test_what_a_hotfix_refuses(here: Path, words, code, said, capsys) -> None:
    assert main([*HOTFIX, *words]) == code
    assert said in capsys.readouterr().err
    assert list(here.iterdir()) == [here / "handrail.toml"]


def test_without_a_terminal_what_is_missing_is_named(here: Path, capsys) -> None:
    assert main(["hotfix", "--plain"]) == ExitCode.WRONG_USAGE
    err = capsys.readouterr().err
    assert all(name in err for name in ("incident", "on_call", "feature", "tag"))


def test_the_guided_path_is_the_same_by_the_runbooks_name(here: Path, capsys) -> None:
    parameters = ["incident=INC-1", "on_call=@x", "feature=checkout", "tag=v1.3.2", "skip_window=it burns"]
    assert (
        main(["run", "hotfix", "--dry-run", *(w for p in parameters for w in ("-p", p))]) == ExitCode.REFUSED
    )
    assert "never waives window.open" in capsys.readouterr().err


def test_a_post_mortem_is_opened_and_refreshed_and_never_overwritten(here: Path, capsys) -> None:
    journaled(here)
    assert main(["postmortem"]) == ExitCode.FINISHED
    out = capsys.readouterr().out
    path = written(here)
    assert str(path) in out
    assert "INC-9" in out
    assert "due by" in out
    text = path.read_text()
    assert path.name.endswith("-INC-9.md")
    assert f"run: {RUN}" in text
    mine = text.replace(TO_WRITE, "Ours.", 1) + "\nAn appendix of ours.\n"
    path.write_text(mine)
    assert main(["postmortem", RUN]) == ExitCode.FINISHED
    assert path.read_text() == mine
    assert "Refreshed" in capsys.readouterr().out
    renamed = path.rename(path.with_name("the-night-of-the-checkout.md"))
    assert main(["postmortem", RUN]) == ExitCode.FINISHED
    assert written(here) == renamed


def test_half_a_post_mortem_is_never_seen(here: Path, capsys) -> None:
    journaled(here)
    main(["postmortem"])
    path = written(here)
    whole = path.read_text()
    path.unlink()
    # The disk takes no more than the first half of it.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, hard))
    try:
        assert main(["postmortem", RUN]) == ExitCode.FAILED_OR_ROLLED_BACK
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "the journal has all of it" in capsys.readouterr().err
    assert list(path.parent.iterdir()) == []
    assert main(["postmortem", RUN]) == ExitCode.FINISHED
    assert written(here).read_text() == whole


def test_a_file_without_its_marks_is_left_alone(here: Path, capsys) -> None:
    journaled(here)
    main(["postmortem"])
    path = written(here)
    text = path.read_text().replace(BEGIN, "")
    path.write_text(text)
    assert main(["postmortem", RUN]) == ExitCode.REFUSED
    assert "never overwritten" in capsys.readouterr().err
    assert path.read_text() == text


def test_two_emergencies_of_one_incident_on_one_day_have_a_file_each(here: Path) -> None:
    journaled(here, "20261123-0300-hotfix-aaaa")
    journaled(here, "20261123-0400-hotfix-bbbb")
    for run in ("aaaa", "bbbb"):
        assert main(["postmortem", run]) == ExitCode.FINISHED
    assert len(list((here / "postmortems").glob("*.md"))) == 2


def owed(capsys, *words: str) -> list[dict]:
    assert main(["postmortem", "--owed", "--json", *words]) == ExitCode.FINISHED
    return json.loads(capsys.readouterr().out)


def test_what_is_owed_is_listed_until_it_is_written(here: Path, capsys) -> None:
    assert owed(capsys) == []
    journaled(here, hours_ago=25)
    [each] = owed(capsys)
    assert (each["incident"], each["overdue"], each["file"], each["done"]) == ("INC-9", True, "", False)
    assert owed(capsys, "--target", "staging") == []
    main(["postmortem"])
    path = written(here)
    path.write_text(path.read_text().replace("status: open", "status: done"))
    capsys.readouterr()
    [each] = owed(capsys)
    assert each["overdue"] is True
    assert "Root cause" in each["unwritten"]
    path.write_text(path.read_text().replace(TO_WRITE, "Written."))
    [each] = owed(capsys)
    assert (each["overdue"], each["done"], each["unwritten"]) == (False, True, [])
    path.write_bytes(b"\xff\xfe")
    [each] = owed(capsys)
    assert (each["overdue"], each["file"]) == (True, "")


@pytest.mark.parametrize("fields", [{"emergency": False}, {"acted": False}, {"closed": False}])
def test_who_owes_nothing(here: Path, capsys, fields) -> None:
    journaled(here, hours_ago=30, **fields)
    assert owed(capsys) == []


def checked(here: Path, target: str = "production") -> tuple[str | None, str]:
    """What the gate's check says, run as an attempt of a run of this state directory."""
    folder = here / "state" / "runs" / "20261124-0900-deploy-x" / "attempts" / "0001"
    folder.mkdir(parents=True, exist_ok=True)
    spec = {"task": {"name": "postmortem.none_overdue", "arguments": {}, "target": {"name": target}}}
    (folder / "spec.json").write_text(json.dumps(spec))
    report = folder / "report.jsonl"
    report.unlink(missing_ok=True)
    import os

    done = subprocess.run(
        [sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(folder)],
        cwd=here,
        env={**os.environ, "HANDRAIL_REPORT": str(report)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    entries = [json.loads(line) for line in report.read_text().splitlines()]
    [verdict] = [each for each in entries if "verdict" in each]
    assert (done.returncode == 0) is (verdict["verdict"] == "pass")
    return verdict["verdict"], verdict["evidence"]


def test_the_next_ordinary_deployment_waits_for_an_overdue_one(here: Path) -> None:
    assert checked(here) == ("pass", "none was ever due")
    journaled(here, hours_ago=25)
    verdict, evidence = checked(here)
    assert verdict == "fail"
    assert "INC-9" in evidence
    assert "it isn't begun" in evidence
    assert checked(here, "staging")[0] == "pass"
    main(["postmortem"])
    path = written(here)
    path.write_text(path.read_text().replace("status: open", "status: done").replace(TO_WRITE, "Written."))
    assert checked(here) == ("pass", "none is overdue (1 written)")
    path.unlink()
    assert checked(here)[0] == "fail"


def test_one_that_is_not_due_yet_holds_nobody_back(here: Path) -> None:
    journaled(here, hours_ago=23)
    verdict, evidence = checked(here)
    assert verdict == "pass"
    assert "due by" in evidence


def test_a_journal_that_can_not_be_read_is_unknown(here: Path) -> None:
    (here / "state").mkdir()
    (here / "state" / "journal.db").write_bytes(b"no database" * 1000)
    assert checked(here)[0] == "unknown"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["postmortem"], ExitCode.WRONG_USAGE),
        (["postmortem", "nope"], ExitCode.WRONG_USAGE),
        (["postmortem", "--json"], ExitCode.WRONG_USAGE),
        (["postmortem", "--target", "production"], ExitCode.WRONG_USAGE),
        (["postmortem", "--owed"], ExitCode.FINISHED),
        (["stats"], ExitCode.FINISHED),
        (["stats", "--json", "--csv"], ExitCode.WRONG_USAGE),
        (["stats", "--days", "0"], ExitCode.WRONG_USAGE),
    ],
)
def test_exit_codes(here: Path, words, code, capsys) -> None:
    assert main(words) == code
    out, err = capsys.readouterr()
    assert out + err
    assert "Traceback" not in out + err
    assert list(here.iterdir()) == [here / "handrail.toml"]


def test_a_run_that_was_no_emergency_owes_none(here: Path, capsys) -> None:
    journaled(here, emergency=False)
    assert main(["postmortem", RUN]) == ExitCode.REFUSED
    assert "was no emergency" in capsys.readouterr().err
    assert not (here / "postmortems").exists()


def test_an_open_emergency_is_not_written_about_yet(here: Path, capsys) -> None:
    journaled(here, closed=False)
    assert main(["postmortem", RUN]) == ExitCode.REFUSED
    assert "still open" in capsys.readouterr().err


def test_statistics_of_what_is_journaled(here: Path, capsys) -> None:
    journaled(here, "20261120-0900-deploy-aaaa", emergency=False, hours_ago=1)
    journaled(here, "20261120-1000-hotfix-bbbb", hours_ago=0.5)
    journaled(here, "20261120-1000-deploy-cccc", emergency=False, target="staging")
    journaled(here, "20251120-1000-deploy-dddd", emergency=False, hours_ago=24 * 90)
    assert main(["stats", "--days", "7", "--json"]) == ExitCode.FINISHED
    values = json.loads(capsys.readouterr().out)
    assert {each["name"]: each["deployments"] for each in values["environments"]} == {
        "production": 2,
        "staging": 1,
    }
    [production] = [each for each in values["environments"] if each["production"]]
    assert (production["emergencies"], production["repaired_by_emergency"]) == (1, 1)
    assert main(["stats", "--csv", "--target", "production"]) == ExitCode.FINISHED
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 2
    assert main(["stats"]) == ExitCode.FINISHED
    out = capsys.readouterr().out
    assert "production (PRODUCTION): 2 deployments" in out
    assert "too little data" in out
    assert out.isascii() is False
    assert "\x1b" not in out
