"""One attempt's task: read its spec, find the task, execute it, and end with an exit code that is true.

Exit codes: 0 done, 1 failed, 2 wrong task, arguments or tasks file, 4 refused for good, 5 perhaps done,
130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit, UnexpectedExit
from invoke.executor import Executor

from handrail.errors import HandrailError, WrongUsage
from handrail.paths import AttemptFiles
from handrail.tasks import report
from handrail.tasks.collection import assemble, find, is_own, known_tasks, merge, shipped
from handrail.tasks.performers.base import Performer
from handrail.tasks.performers.real import RealPerformer
from handrail.tasks.runner import LogRunner
from handrail.tasks.workplace import SECTION, Site, Workplace, facts_of_earlier_attempts

USAGE = """\
python -m handrail.tasks --attempt FOLDER
python -m handrail.tasks --list [--json] [--tasks-file FILE]"""


def main(arguments: list[str]) -> int:
    """What was asked for on the command line, and the exit code."""
    attempt: AttemptFiles | None = None
    try:
        match arguments:
            case ["--attempt", folder]:
                attempt = AttemptFiles(Path(folder).absolute())
                perform(attempt)
            case ["--list", *options]:
                show_tasks(options)
            case _:
                raise WrongUsage("Wrong call of handrail.tasks.", evidence=USAGE)
    except HandrailError as error:
        sys.stdout.flush()
        print("\n".join(error.lines()), file=sys.stderr, flush=True)
        report.failure(error.summary)
        return int(error.exit_code)
    except UnexpectedExit as error:
        print(f"`{error.result.command}` ended with exit code {error.result.exited}.", file=sys.stderr)
        if "stdout" in error.result.hide:
            print(error.result.stdout.rstrip(), file=sys.stderr)
        if "stderr" in error.result.hide:
            print(error.result.stderr.rstrip(), file=sys.stderr)
        report.failure(f"`{error.result.command}` ended with exit code {error.result.exited}.")
        return 1
    except Exit as error:
        if error.message:
            print(error.message, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001  (a task is anybody's code; its reader must get one clear line)
        print(_unexpected(error, attempt), file=sys.stderr, flush=True)
        report.failure(f"The task failed unexpectedly: {type(error).__name__}: {error}")
        return 1
    return 0


def _unexpected(error: Exception, attempt: AttemptFiles | None) -> str:
    text = "".join(traceback.format_exception(error))
    line = f"The task failed unexpectedly: {type(error).__name__}: {error}"
    if attempt is None:
        return f"{text}{line}"
    file = attempt.folder / "traceback"
    try:
        file.write_text(text, encoding="utf-8")
    except OSError:
        return f"{text}{line}"
    return f"{line} (traceback: {file})"


def perform(attempt: AttemptFiles) -> None:
    """Execute the attempt's task. Raises what the task raises, `WrongUsage` for a spec that is wrong."""
    spec = read_spec(attempt)
    task = spec["task"]
    site = Site(task.get("target") or {})
    tasks_file = Path(task["tasks_file"]) if task.get("tasks_file") else None
    if is_own(str(task["name"])):
        # The project's code is not even read: what it does as it is imported could bend a check.
        tasks_file = None
    if site.raw.get("checkout") and site.checkout.is_dir():
        # `context.run` in a project's own task works where the commands of a runbook would be typed.
        os.chdir(site.checkout)
    os.environ.update(site.environment(os.environ))
    namespace = str(task["name"]).partition(".")[0]
    root = assemble(tasks_file, only=namespace)
    if task["name"] not in root:
        # It will be refused, by an error that lists what there is.
        merge(whole := shipped(), root)
        root = whole
    execute(root, task["name"], task.get("arguments") or {}, site, attempt=attempt)


def read_spec(attempt: AttemptFiles) -> dict[str, Any]:
    """The attempt's spec. Raises `WrongUsage` where it is missing or isn't one."""
    try:
        spec = json.loads(attempt.spec.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUsage(f"The attempt's spec {attempt.spec} can't be read: {error}.") from error
    if not isinstance(spec, dict) or not isinstance(spec.get("task"), dict) or "name" not in spec["task"]:
        raise WrongUsage(f"The attempt's spec {attempt.spec} names no task.")
    return spec


def execute(
    root: Collection,
    name: str,
    arguments: Mapping[str, object],
    site: Site,
    *,
    performer: Performer | None = None,
    attempt: AttemptFiles | None = None,
) -> None:
    """Execute a task through invoke's own executor, its arguments as they are, types kept."""
    find(root, name, arguments)
    settings: dict[str, Any] = {
        "runners": {"local": LogRunner},
        "run": {"echo": True, "in_stream": False},
    }
    if performer is None:
        performer = RealPerformer(Context(Config(settings, lazy=True)), site.environment(os.environ))
    earlier = facts_of_earlier_attempts(attempt.folder) if attempt is not None else {}
    settings[SECTION] = {
        "workplace": Workplace(site, performer, earlier, attempt.folder if attempt else None)
    }
    # Lazy: an operator's own ~/.invoke.yaml must not change what a deployment does.
    config = Config(settings, lazy=True)
    Executor(root, config).execute((name, dict(arguments)))


def show_tasks(options: list[str]) -> None:
    """Print every known task with its arguments."""
    tasks_file: Path | None = None
    as_json = False
    rest = list(options)
    while rest:
        option = rest.pop(0)
        if option == "--json":
            as_json = True
        elif option == "--tasks-file" and rest:
            tasks_file = Path(rest.pop(0)).absolute()
        else:
            raise WrongUsage(f"Unknown option {option}.", evidence=USAGE)
    tasks = known_tasks(tasks_file)
    if as_json:
        described = {
            name: {
                "summary": task.summary,
                "shipped": task.shipped,
                "parameters": [
                    {"name": p.name, "required": p.required} | ({} if p.required else {"default": p.default})
                    for p in task.parameters
                ],
            }
            for name, task in tasks.items()
        }
        print(json.dumps(described, indent=2))
        return
    for name, task in tasks.items():
        taken = ", ".join(p.name if p.required else f"{p.name}={p.default!r}" for p in task.parameters)
        print(f"{name}({taken})  {task.summary}")
