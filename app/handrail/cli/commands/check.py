"""`handrail check` and `handrail schema`: for those who write runbooks."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from handrail.cli.completing import complete_runbooks
from handrail.cli.opening import path_or_name, project_or_bare
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, WrongUsage
from handrail.issues import loader as issues
from handrail.problems import Problem, in_order
from handrail.runbook import loader
from handrail.runbook.model import Runbook
from handrail.runbook.schema import json_schema
from handrail.sources import is_there
from handrail.tasks.collection import known_tasks


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", shell_complete=complete_runbooks)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def check(here: Surroundings, files: tuple[str, ...], as_json: bool) -> int:
    """Check runbooks and the common issues, and name every mistake with its file, line and field.

    FILE is a runbook, or an entry of a catalogue in a folder `issues`. The catalogues of the project and of
    handrail itself are checked each time.
    """
    project = project_or_bare(here.project)
    tasks = known_tasks(project.tasks)
    answers: list[dict[str, object]] = []
    code = ExitCode.FINISHED
    entries, books = split(files)
    known = issues.Known(loader.runbook_names((*project.runbooks, loader.shipped_runbooks())), tasks)
    for path, problems in wrong_issues(entries, project.runbooks, known).items():
        valid = not problems
        code = code if valid else ExitCode.WRONG_USAGE
        more = {} if valid else {"problems": [_values(p) for p in problems]}
        answers.append({"file": str(path), "valid": valid, **more})
        if not as_json:
            _tell(str(path), problems, "valid; an entry of the common issues")
    for name in books:
        try:
            its_own = project_or_bare(here.of_runbook(name).project)
            its_tasks = tasks if its_own == project else known_tasks(its_own.tasks)
            runbook = loader.load(path_or_name(name), search=its_own.runbooks, known_tasks=its_tasks)
        except loader.RunbookInvalid as error:
            code = ExitCode.WRONG_USAGE
            answers.append({"file": name, "valid": False, "problems": [_values(p) for p in error.problems]})
            if not as_json:
                _tell(name, error.problems)
        except WrongUsage as error:
            code = ExitCode.WRONG_USAGE
            answers.append({"file": name, "valid": False, "error": error.summary})
            print("\n".join(error.lines()), file=sys.stderr)
        else:
            answers.append({"file": name, "valid": True, **_counted(runbook)})
            if not as_json:
                counted = _counted(runbook)
                _tell(name, (), f"valid; {counted['steps']} steps in {counted['sections']} sections")
    if as_json:
        print(json.dumps(answers, indent=2))
    return code


def split(files: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The files that are entries of a catalogue, and the rest."""
    entries = [name for name in files if Path(name).suffix == ".md" and is_there(Path(name))]
    entries = [name for name in entries if Path(name).absolute().parent.name == issues.FOLDER]
    return [Path(name).absolute() for name in entries], [name for name in files if name not in entries]


def wrong_issues(
    entries: Sequence[Path], folders: Sequence[Path], known: issues.Known
) -> dict[Path, list[Problem]]:
    """The entries that were named, and those of the catalogues in which something is wrong."""
    found = {path: issues.read_issue(path, known)[1] for path in entries}
    for problem in issues.load(folders, known)[1]:
        if problem.file not in entries:
            found.setdefault(problem.file, []).append(problem)
    return {path: list(in_order(problems)) for path, problems in found.items()}


def _tell(name: str, problems: Sequence[Problem], valid: str = "") -> None:
    if problems:
        print(f"{name}: {len(problems)} problem{'s' if len(problems) != 1 else ''}")
        print("\n".join(f"  {problem}" for problem in problems))
    else:
        print(f"{name}: {valid}")


def _counted(runbook: Runbook) -> dict[str, object]:
    return {"title": runbook.title, "sections": len(runbook.sections), "steps": len(runbook.steps)}


def _values(problem: Problem) -> dict[str, object]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "field": problem.field,
        "found": problem.found,
        "expected": problem.expected,
    }


@click.command()
def schema() -> int:
    """Print the JSON Schema of a runbook's front matter and step block, for editors."""
    print(json.dumps(json_schema(), indent=2))
    return ExitCode.FINISHED
