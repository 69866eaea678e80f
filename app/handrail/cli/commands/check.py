"""`handrail check` and `handrail schema`: for those who write runbooks."""

from __future__ import annotations

import json
import sys

import click

from handrail.cli.completing import complete_runbooks
from handrail.cli.opening import path_or_name, project_or_bare
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, WrongUsage
from handrail.problems import Problem
from handrail.runbook import loader
from handrail.runbook.model import Runbook
from handrail.runbook.schema import json_schema
from handrail.tasks.collection import known_tasks


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", shell_complete=complete_runbooks)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def check(here: Surroundings, files: tuple[str, ...], as_json: bool) -> int:
    """Check runbooks, and name every mistake with its file, line and field."""
    project = project_or_bare(here.project)
    tasks = known_tasks(project.tasks)
    answers: list[dict[str, object]] = []
    code = ExitCode.FINISHED
    for name in files:
        try:
            runbook = loader.load(path_or_name(name), search=project.runbooks, known_tasks=tasks)
        except loader.RunbookInvalid as error:
            code = ExitCode.WRONG_USAGE
            answers.append({"file": name, "valid": False, "problems": [_values(p) for p in error.problems]})
            if not as_json:
                print(f"{name}: {len(error.problems)} problem{'s' if len(error.problems) != 1 else ''}")
                print("\n".join(f"  {problem}" for problem in error.problems))
        except WrongUsage as error:
            code = ExitCode.WRONG_USAGE
            answers.append({"file": name, "valid": False, "error": error.summary})
            print("\n".join(error.lines()), file=sys.stderr)
        else:
            answers.append({"file": name, "valid": True, **_counted(runbook)})
            if not as_json:
                counted = _counted(runbook)
                print(f"{name}: valid; {counted['steps']} steps in {counted['sections']} sections")
    if as_json:
        print(json.dumps(answers, indent=2))
    return code


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
