"""The program that the shim starts: exit codes, messages, types of arguments, a project's own tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handrail.errors import WrongUsage
from handrail.tasks.collection import known_tasks
from handrail.tasks.dry import preview

pytestmark = pytest.mark.e2e

PROJECT = """\
from invoke import task, Collection
from handrail.tasks import report

@task
def warm(context, region="eu", depth=1, deep=False):
    '''Warm the cache.'''
    print(type(depth).__name__, type(deep).__name__, repr(region))
    report.fact("warmed", depth)

@task
def broken(context):
    raise KeyError("oops")

@task
def hidden(context):
    print("read:", context.run("printf 'one\\\\ntwo'", hide=True).stdout.splitlines())
    context.run("echo to the log; echo problem >&2")
    context.run("echo again").stdout

@task
def refused(context):
    context.run("exit 3")

@task
def fence(context, script):
    print("ours instead:", script)

shell = Collection("shell")
shell.add_task(fence)
ns = Collection(warm, broken, hidden, refused, shell)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    file = tmp_path / "project" / "tasks.py"
    file.parent.mkdir()
    file.write_text(PROJECT)
    return file


def test_a_fence_stops_at_its_first_failure(begin, tmp_path: Path) -> None:
    done = begin("shell.fence", {"script": "echo one\nfalse\necho two"}, {"checkout": str(tmp_path)})
    assert done.code == 1
    assert "\none\n" in done.log
    assert "\ntwo\n" not in done.log
    assert "ended with exit code 1" in done.log


def test_the_environment_of_a_fence(begin, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mine").write_text("#!/bin/sh\necho found $COLOUR $HANDRAIL_PARAM_FEATURE\n")
    (folder / "mine").chmod(0o755)
    target = {"checkout": str(tmp_path), "environment": {"COLOUR": "blue"}, "path": [str(folder)]}
    done = begin("shell.fence", {"script": "mine"}, target, environment={"HANDRAIL_PARAM_FEATURE": "a b; c"})
    assert done.code == 0
    assert "found blue a b; c" in done.log


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("git.chekout", {}, "git.checkout"),
        ("nonsense", {}, "There is no task 'nonsense'"),
        ("git.checkout", {"reff": "v1"}, "did you mean ref?"),
        ("git.checkout", {}, "needs the argument 'ref'"),
        ("git.pull", {"x": 1}, "it takes none"),
    ],
)
def test_a_wrong_name_or_argument_is_refused(
    begin, name: str, arguments: dict[str, object], said: str
) -> None:
    done = begin(name, arguments)
    assert done.code == 2
    assert said in done.log
    assert "Traceback" not in done.log


def test_a_missing_program_and_a_missing_folder(begin, tmp_path: Path) -> None:
    done = begin("node.build", {}, {"checkout": str(tmp_path)}, environment={"PATH": str(tmp_path)})
    assert done.code == 1
    assert "The program `npm` isn't on this machine's PATH" in done.log
    done = begin("git.fetch", {}, {"checkout": str(tmp_path / "gone")})
    assert done.code == 1
    assert f"The folder {tmp_path / 'gone'}" in done.log


def test_arguments_keep_their_types(begin, project: Path) -> None:
    done = begin("warm", {"depth": 3, "deep": True, "region": "7"}, tasks_file=project)
    assert done.code == 0
    assert "int bool '7'" in done.log
    assert done.facts == {"warmed": 3}


def test_a_project_replaces_a_shipped_task_by_its_full_name(begin, project: Path, tmp_path: Path) -> None:
    done = begin("shell.fence", {"script": "x"}, tasks_file=project)
    assert done.log == "ours instead: x\n"
    done = begin("git.at", {"ref": "x"}, {"checkout": str(tmp_path)}, tasks_file=project)
    assert "$ git for-each-ref" in done.log


BENDING = """\
from handrail.policy import window
from handrail.tasks import window as asked

window.judge = asked.judge = None
asked.is_open.body = lambda context: None
print("it was read")
"""


def test_a_check_runs_without_the_projects_code(begin, tmp_path: Path) -> None:
    file = tmp_path / "tasks.py"
    file.write_text(BENDING)
    morning = datetime.now(UTC).hour < 12
    opens, closes = ("20:00", "21:00") if morning else ("02:00", "03:00")
    hours = {"timezone": "UTC", "country": "", "opens": opens, "closes": closes}
    target = {"production": True, "checkout": str(tmp_path), "window": hours}
    done = begin("window.open", {}, target, tasks_file=file)
    assert done.code == 1
    assert done.verdict == "fail"
    assert "the deployment window is closed" in done.log
    assert "it was read" not in done.log
    done = begin("git.fetch", {}, {"checkout": str(tmp_path)}, tasks_file=file)
    assert "it was read" in done.log


def test_a_project_can_not_stand_in_for_a_check(begin, tmp_path: Path) -> None:
    file = tmp_path / "tasks.py"
    file.write_text(
        "from invoke import task\n\n@task(aliases=['review.approved'])\ndef mine(context): pass\n"
    )
    with pytest.raises(WrongUsage, match=r"defines review\.approved, which handrail judges by"):
        known_tasks(file)
    done = begin("mine", tasks_file=file)
    assert done.code == 2
    assert "rename it there" in done.log


def test_an_unexpected_exception_is_one_line_and_a_file(begin, project: Path) -> None:
    done = begin("broken", tasks_file=project)
    assert done.code == 1
    assert done.log == (
        f"The task failed unexpectedly: KeyError: 'oops' (traceback: {done.folder / 'traceback'})\n"
    )
    assert str(project) in (done.folder / "traceback").read_text()


def test_output_goes_to_the_log_unless_it_is_asked_for(begin, project: Path) -> None:
    done = begin("hidden", tasks_file=project)
    assert done.code == 1
    assert "read: ['one', 'two']" in done.log
    assert "$ echo to the log; echo problem >&2\nto the log\nproblem\n" in done.log
    assert "went straight to the log and wasn't kept" in done.log


def test_a_failed_command_of_a_projects_task(begin, project: Path) -> None:
    done = begin("refused", tasks_file=project)
    assert done.code == 1
    assert done.log == "$ exit 3\n`exit 3` ended with exit code 3.\n"


def test_much_output_passes_untouched(begin, tmp_path: Path) -> None:
    done = begin(
        "shell.fence", {"script": "head -c 30000000 /dev/zero | tr '\\0' x"}, {"checkout": str(tmp_path)}
    )
    assert done.code == 0
    assert done.log.count("x") >= 30_000_000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("import nonsense_module", ":1: ModuleNotFoundError"),
        ("\n\ndef x(:\n", ":3: SyntaxError"),
        ("x = 1\nraise SystemExit(4)", ":2: SystemExit"),
    ],
)
def test_a_tasks_file_that_fails_is_named_with_its_line(begin, tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "tasks.py"
    file.write_text(text)
    done = begin("git.fetch", tasks_file=file)
    assert done.code == 2
    assert f"{file}{place}" in done.log
    with pytest.raises(WrongUsage, match="fails when it is imported"):
        known_tasks(file)
    assert not list(tmp_path.glob("__pycache__"))


def test_known_tasks_have_signatures(project: Path) -> None:
    known = known_tasks(project)
    assert known["git.checkout"].complaints({}) == ["git.checkout needs the argument 'ref'"]
    assert known["database.migrate_down"].complaints({"to": "x"}) == []
    assert not known["warm"].shipped
    assert [(p.name, p.required, p.default) for p in known["warm"].parameters] == [
        ("region", False, "eu"),
        ("depth", False, 1),
        ("deep", False, False),
    ]


def test_a_projects_task_is_never_executed_for_a_preview(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = preview("warm", {"depth": 2, "region": "${facts.region}"}, {}, project)
    assert lines == ["task of the project: warm(depth=2, region='REGION')"]
    assert preview("shell.fence", {"script": "x"}, {}, project) == [
        "task of the project: shell.fence(script='x')"
    ]
    assert capfd.readouterr().out == ""


def test_the_list_is_json(project: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-P", "-m", "handrail.tasks", "--list", "--json", "--tasks-file", str(project)],
        capture_output=True,
        text=True,
        check=True,
    )
    listed = json.loads(answer.stdout)
    assert listed["warm"]["summary"] == "Warm the cache."
    assert listed["git.checkout"]["parameters"] == [{"name": "ref", "required": True}]


def test_alone_with_inv_the_target_comes_from_the_project_file(tmp_path: Path) -> None:
    (tmp_path / "handrail.toml").write_text(
        f'default_target = "one"\n[targets.one]\ncheckout = {json.dumps(str(tmp_path))}\n'
        '[targets.two]\ncheckout = "/nowhere"\n'
    )
    (tmp_path / "tasks.py").write_text("from handrail.tasks import namespace\n")
    inv = [str(Path(sys.executable).with_name("inv"))]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*inv, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=environment | more,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    done = run("shell.fence", "--script", "pwd")
    assert done.stdout == f"$ bash -euo pipefail -c pwd\n{tmp_path}\n", done.stderr
    assert "git.checkout" in run("--list").stdout
    assert (
        "There is no target 'three'" in run("shell.fence", "--script", "pwd", HANDRAIL_TARGET="three").stderr
    )
