"""Every subcommand by its exit code and by what goes to which stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from handrail import __version__
from handrail.cli.main import COMMANDS, main
from handrail.clock import SystemClock
from handrail.errors import ExitCode
from handrail.journal.sqlite import SqliteJournal
from handrail.run import events as e
from handrail.run.events import write_event
from handrail.runbook import loader

RUNBOOK = """\
---
parameters:
  ref: {prompt: "Which tag?", pattern: "v[0-9.]+"}
---
# Ship it
## Build
### Compile
```bash
make all
```
### Look
Is it well?
"""
BROKEN = "# Broken\n## One\n### Two\n```yaml step\ntask: nothing.such\nbogus: 1\n```\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to stand in, with a project file, two runbooks, and no state yet."""
    for name in ("HANDRAIL_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "shop"
    (folder / "runbooks").mkdir(parents=True)
    (folder / "handrail.toml").write_text(
        'name = "shop"\nstate = "state"\ndefault_target = "production"\n'
        "[targets.production]\nproduction = true\n[targets.staging]\n"
    )
    (folder / "runbooks" / "ship.md").write_text(RUNBOOK)
    (folder / "broken.md").write_text(BROKEN)
    monkeypatch.chdir(folder)
    return folder


def opened(here: Path, run: str, target: str = "production", *, closed: bool = False) -> None:
    """Put a run into the journal, as an engine would have."""
    from handrail.project.model import Target
    from walk import OPERATOR, plan, task

    (here / "state").mkdir(exist_ok=True)
    journal = SqliteJournal(here / "state" / "journal.db")
    at = SystemClock().now()
    made = plan(task("build"), target=Target(name=target))
    opening = write_event(e.RunOpened(plan=made, operator=OPERATOR))
    journal.open_run(run, target, {"name": "operator"}, "Deploy", [opening], at)
    if closed:
        ending = write_event(e.RunAborted(by=OPERATOR, reason="wrong release"))
        journal.append(run, 0, 1, [ending], at, release_lock=True)
    journal.close()


USAGE = ExitCode.WRONG_USAGE
CALLS = [
    ([], USAGE),
    (["bogus"], USAGE),
    (["run"], USAGE),
    (["run", "nope"], USAGE),
    (["run", "n" * 300], USAGE),
    (["check", "n" * 300], USAGE),
    (["check", "n" * 300 + ".md"], USAGE),
    (["run", "broken.md", "--dry-run"], USAGE),
    (["run", "ship", "--dry-run"], USAGE),
    (["run", "ship", "--dry-run", "--param", "ref=main"], USAGE),
    (["run", "ship", "--dry-run", "--param", "ref"], USAGE),
    (["run", "ship", "--dry-run", "--param", "ref=v1", "--param", "ref=v2"], USAGE),
    (["run", "ship", "--dry-run", "--param", "ref=v1", "--param", "other=1"], USAGE),
    (["run", "ship", "--dry-run", "--param", "ref=v1", "--target", "prod"], USAGE),
    (["run", "ship", "--plain", "--auto", "--param", "ref=v1"], USAGE),
    (["run", "ship", "--attest", "x", "--param", "ref=v1"], USAGE),
    (["run", "ship", "--auto", "--attest", " ", "--param", "ref=v1"], USAGE),
    (["run", "ship", "--auto", "--on-failure", "retry"], USAGE),
    (["run", "ship", "--take-lock", "staging", "--reason", "x", "--param", "ref=v1"], USAGE),
    (["run", "ship", "--take-lock", "production", "--param", "ref=v1"], USAGE),
    (["run", "ship", "--dry-run", "--param", "ref=v1"], ExitCode.FINISHED),
    (["run", "ship", "--dry-run", "--param", "ref=v1", "--target", "staging"], ExitCode.FINISHED),
    (["run", "runbooks/ship.md", "--dry-run", "--param", "ref=v1"], ExitCode.FINISHED),
    (["attach"], USAGE),
    (["attach", "nope"], USAGE),
    (["attach", "--take-over", " "], USAGE),
    (["watch"], USAGE),
    (["runs"], ExitCode.FINISHED),
    (["runs", "--open", "--json"], ExitCode.FINISHED),
    (["runs", "--limit", "0"], USAGE),
    (["show"], USAGE),
    (["show", "nope"], USAGE),
    (["log", "nope"], USAGE),
    (["note", "nope", "text"], USAGE),
    (["note", "nope"], USAGE),
    (["rollback"], USAGE),
    (["abort"], USAGE),
    (["abort", "--reason", "x"], USAGE),
    (["check"], USAGE),
    (["check", "ship"], ExitCode.FINISHED),
    (["check", "ship", "broken.md"], USAGE),
    (["check", "nope.md"], USAGE),
    (["schema"], ExitCode.FINISHED),
    (["sandbox"], USAGE),
    (["sandbox", "sideways"], USAGE),
    (["sandbox", "status"], ExitCode.FAILED_OR_ROLLED_BACK),
    (["sandbox", "down"], ExitCode.FINISHED),
    (["sandbox", "up", "--per-second", "101"], USAGE),
    (["sandbox", "up", "--per-second", "0"], USAGE),
    (["sandbox", "fault"], USAGE),
    (["sandbox", "fault", "sideways"], USAGE),
    (["sandbox", "fault", "errors", "--rate", "110%"], USAGE),
    (["sandbox", "fault", "errors", "--rate", "0"], USAGE),
    (["sandbox", "fault", "errors", "--rate", "many"], USAGE),
    (["sandbox", "fault", "errors", "--route", "checkout"], USAGE),
    (["sandbox", "fault", "slow"], USAGE),
    (["sandbox", "fault", "slow", "--by", "+15%"], ExitCode.REFUSED),
    (["sandbox", "fault", "hang", "--path", "GET /healthz"], USAGE),
    (["sandbox", "fault", "prometheus", "--answers", "well"], USAGE),
    (["sandbox", "fault", "leak"], ExitCode.REFUSED),
    (["sandbox", "fault", "crash", "--help"], ExitCode.FINISHED),
    (["sandbox", "mend"], ExitCode.FINISHED),
    (["sandbox", "mend", "sideways"], USAGE),
    (["completion", "bash"], ExitCode.FINISHED),
    (["completion", "zsh"], ExitCode.FINISHED),
    (["completion", "fish"], ExitCode.FINISHED),
    (["completion", "csh"], USAGE),
    (["--version"], ExitCode.FINISHED),
    (["--help"], ExitCode.FINISHED),
    (["--project", "/nowhere/at/all", "runs"], USAGE),
    *((([name, "--help"]), ExitCode.FINISHED) for name in COMMANDS),
]


@pytest.mark.parametrize(("words", "code"), CALLS, ids=[" ".join(words) or "nothing" for words, _ in CALLS])
def test_exit_codes(here: Path, words, code, capsys) -> None:
    assert main(words) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert out + err
    # Nothing of these calls may leave a trace: no state directory, no journal, no compiled tasks.
    assert sorted(path.name for path in here.iterdir()) == ["broken.md", "handrail.toml", "runbooks"]


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "--json"],
        ["check", "ship", "broken.md", "--json"],
        ["schema"],
        ["run", "ship", "--dry-run", "--json", "--param", "ref=v1"],
        ["sandbox", "status", "--json"],
        ["doctor", "--json"],
    ],
)
def test_standard_output_is_json_alone(here: Path, words, capsys) -> None:
    main(words)
    json.loads(capsys.readouterr().out)


def test_a_dry_run_shows_the_exact_commands_and_limits(here: Path, capsys) -> None:
    assert main(["run", "ship", "--dry-run", "--param", "ref=v1.3.0"]) == 0
    out = capsys.readouterr().out
    for words in ("Ship it on production (PRODUCTION)", "ref = v1.3.0", "make all", "stopped after", "undo:"):
        assert words in out


def test_a_runbook_by_its_path_brings_its_projects_rules(
    here: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "deploy.md").symlink_to(here / "runbooks" / "ship.md")
    monkeypatch.chdir(home)
    for words in ([str(here / "runbooks" / "ship.md")], ["../shop/runbooks/ship.md"], ["deploy.md"]):
        assert main(["run", *words, "--dry-run", "--param", "ref=v1"]) == 0
        assert "Ship it on production (PRODUCTION)" in capsys.readouterr().out
    assert main(["check", "../shop/runbooks/ship.md"]) == 0


def test_a_runbook_of_another_project_runs_by_a_named_project_alone(
    here: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "the other"
    other.mkdir()
    (other / "handrail.toml").write_text("[targets.kiosk]\n")
    monkeypatch.chdir(other)
    dry = ["run", str(here / "runbooks" / "ship.md"), "--dry-run", "--param", "ref=v1"]
    assert main(dry) == ExitCode.WRONG_USAGE
    err = capsys.readouterr().err
    assert str(here) in err
    assert f"--project {here}" in err
    assert main(["--project", str(here), *dry]) == 0
    assert "on production (PRODUCTION)" in capsys.readouterr().out
    assert main(["--project", str(other), *dry]) == 0
    assert "on kiosk" in capsys.readouterr().out
    (tmp_path / "free.md").write_text(RUNBOOK)
    assert main(["run", "../free.md", "--dry-run", "--param", "ref=v1"]) == 0
    assert "on kiosk" in capsys.readouterr().out


def test_every_mistake_of_a_runbook_is_named_with_its_line(here: Path, capsys) -> None:
    assert main(["check", "broken.md"]) == ExitCode.WRONG_USAGE
    out = capsys.readouterr().out
    assert "broken.md:5:" in out
    assert "broken.md:6:" in out


ENTRY = """\
---
title: "The port is taken"
tasks: [pm2.verfy, "deploy.*"]
symptoms:
  - {log: "("}
runbook: rolback-code
---
# The port is taken
## Cause
Something else listens.
"""
WRONG = (
    ("slow.md:3: tasks[0]: found the unknown task 'pm2.verfy'", "did you mean 'pm2.verify'?"),
    ("slow.md:5: symptoms[0].log: found '('",),
    ("slow.md:6: runbook: found the unknown runbook 'rolback-code'", "did you mean 'rollback-code'?"),
    ("found no section 'what to do'",),
)


@pytest.mark.parametrize(
    "words", [["ship"], ["runbooks/issues/slow.md"], ["ship", "runbooks/issues/slow.md"]]
)
def test_every_mistake_of_a_common_issue_is_named_with_its_line(here: Path, capsys, words) -> None:
    folder = here / "runbooks" / "issues"
    folder.mkdir()
    (folder / "slow.md").write_text(ENTRY)
    assert main(["check", *words]) == ExitCode.WRONG_USAGE
    out = capsys.readouterr().out
    for line in WRONG:
        assert any(all(part in said for part in line) for said in out.splitlines()), out
    assert out.count("4 problems") == 1
    main(["check", *words, "--json"])
    answers = {Path(each["file"]).name: each for each in json.loads(capsys.readouterr().out)}
    assert [problem["line"] for problem in answers["slow.md"]["problems"]] == [3, 5, 6, 8]


def test_a_sound_common_issue_is_said_to_be_valid(here: Path, capsys) -> None:
    shipped = loader.shipped_runbooks() / "issues" / "port-in-use.md"
    assert main(["check", str(shipped)]) == ExitCode.FINISHED
    assert "valid; an entry of the common issues" in capsys.readouterr().out


def test_missing_parameters_are_named_all_at_once_with_their_questions(here: Path, capsys) -> None:
    main(["run", "ship", "--plain"])
    err = capsys.readouterr().err
    assert "Which tag?" in err
    assert "--param NAME=VALUE" in err


def test_a_locked_target_is_refused_with_who_holds_it(here: Path, capsys) -> None:
    opened(here, "20261123-0900-deploy-abcd")
    assert main(["run", "ship", "--plain", "--param", "ref=v1"]) == ExitCode.REFUSED
    err = capsys.readouterr().err
    assert "20261123-0900-deploy-abcd" in err
    assert "operator" in err


def test_runs_and_show_read_what_is_journaled(here: Path, capsys) -> None:
    opened(here, "20261123-0900-deploy-abcd", closed=True)
    opened(here, "20261123-1000-deploy-efgh", target="staging")
    assert main(["runs"]) == 0
    newest, oldest = capsys.readouterr().out.splitlines()
    assert newest.startswith("20261123-1000-deploy-efgh")
    assert "aborted" in oldest
    assert main(["runs", "--open", "--json"]) == 0
    assert [row["run"] for row in json.loads(capsys.readouterr().out)] == ["20261123-1000-deploy-efgh"]
    assert main(["show", "abcd", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["phase"] == "aborted"
    assert shown["damage"] == []
    assert main(["show"]) == 0
    assert "opened the run" in capsys.readouterr().out
    assert main(["log", "efgh"]) == ExitCode.WRONG_USAGE
    assert "no attempt" in capsys.readouterr().err


def test_a_name_that_several_runs_have_is_not_guessed(here: Path, capsys) -> None:
    opened(here, "20261123-0900-deploy-abcd", closed=True)
    opened(here, "20261123-1000-deploy-efgh")
    assert main(["show", "deploy"]) == ExitCode.WRONG_USAGE
    err = capsys.readouterr().err
    assert "abcd" in err
    assert "efgh" in err


@pytest.mark.parametrize("words", [["abort", "abcd", "--reason", "x"], ["rollback", "abcd"]])
def test_a_closed_run_takes_nothing_more_but_notes(here: Path, words, capsys) -> None:
    opened(here, "20261123-0900-deploy-abcd", closed=True)
    assert main(words) == ExitCode.REFUSED
    assert "aborted" in capsys.readouterr().err


def test_an_unexpected_error_is_one_line_with_a_reference_to_the_log(
    here: Path, capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "elsewhere"
    monkeypatch.setenv("HANDRAIL_STATE", str(state))
    monkeypatch.setattr("handrail.runbook.schema.models_json_schema", lambda *a, **k: 1 / 0)
    assert main(["schema"]) == ExitCode.FAILED_OR_ROLLED_BACK
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert "Traceback" in (state / "handrail.log").read_text()


def test_help_names_every_subcommand_and_exit_code(here: Path, capsys) -> None:
    main(["--help"])
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)
    assert "5 in doubt" in " ".join(out.split())
    main(["--version"])
    assert __version__ in capsys.readouterr().out


def test_the_version_is_that_of_the_project() -> None:
    import tomllib

    root = Path(__file__).parents[3]
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"] == __version__


@pytest.mark.parametrize("words", [["--help"], ["runs"], ["check", "ship"], ["show"], ["doctor"]])
def test_reading_commands_wait_for_no_screen_and_no_network_library(here: Path, words) -> None:
    code = (
        "import sys; from handrail.cli.main import main; main(sys.argv[1:]);"
        "print(*sorted({'textual', 'httpx'} & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=here
    )
    assert answer.stderr.splitlines()[-1:] in ([""], [])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("handrail r", {"run", "runs", "rollback"}),
        ("handrail run s", {"ship"}),
        ("handrail run ship --target ", {"production", "staging"}),
        ("handrail show 2026", {"20261123-0900-deploy-abcd"}),
    ],
)
def test_completion_offers_what_there_is(here: Path, words: str, expected: set[str]) -> None:
    opened(here, "20261123-0900-deploy-abcd")
    import os

    environment = {
        **os.environ,
        "_HANDRAIL_COMPLETE": "zsh_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    answer = subprocess.run(
        [sys.executable, "-m", "handrail"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=here,
    )
    offered = answer.stdout.splitlines()[1::3]
    assert expected <= set(offered), answer
