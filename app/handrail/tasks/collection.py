"""The collection of tasks: handrail's own, with a project's tasks.py added to them or in their place.

What judges, and what a judgement goes by, is never replaced: a rule would be anybody's then.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from invoke.collection import Collection
from invoke.tasks import Task

from handrail.errors import WrongUsage
from handrail.policy.gate import canonical_name

NAMESPACES = (
    "announce",
    "app",
    "ci",
    "database",
    "git",
    "hotfix",
    "maintenance",
    "monitor",
    "node",
    "pm2",
    "postmortem",
    "review",
    "scenarios",
    "shell",
    "smoke",
    "staging",
    "tests",
    "visible",
    "window",
)
OWN_PACKAGE = "handrail.tasks."
NEVER_REPLACED = frozenset(
    {
        "app.healthy",
        "app.serves",
        "ci.verdict",
        "database.applied",
        "database.atomic",
        "database.backed_up",
        "database.backup",
        "database.down_rehearsed",
        "database.loss",
        "database.pending",
        "database.reachable",
        "database.rehearse",
        "git.at",
        "hotfix.size",
        "maintenance.verify",
        "monitor.watch",
        "pm2.status",
        "pm2.verify",
        "postmortem.none_overdue",
        "review.approved",
        "scenarios.errors",
        "scenarios.load",
        "smoke.flow",
        "smoke.flows",
        "smoke.homepage",
        "smoke.logs",
        "staging.count_rows",
        "staging.data_intact",
        "staging.mirrors",
        "staging.rehearsed",
        "staging.serving",
        "staging.soaked",
        "staging.take_schema_back",
        "staging.verified",
        "tests.passed",
        "tests.run",
        "visible.cache",
        "visible.cdn",
        "visible.flags",
        "window.open",
    }
)
"""The checks, and the tasks whose report a check goes by. A project's tasks file can't stand in for them."""


@dataclass(frozen=True, slots=True)
class TaskParameter:
    """One argument of a task; `default` means nothing where it is required."""

    name: str
    required: bool
    default: object = None


@dataclass(frozen=True, slots=True)
class TaskSignature:
    """A task's full name, what it takes, the first line of its docstring, and who ships it.

    `accepts_any` says that it takes arguments of any name.
    """

    name: str
    parameters: tuple[TaskParameter, ...]
    summary: str
    shipped: bool
    accepts_any: bool = False

    def complaints(self, arguments: Mapping[str, object]) -> list[str]:
        """What is wrong with these arguments, in a sentence each; an empty list where nothing is."""
        known = {parameter.name for parameter in self.parameters}
        found = []
        for name in arguments:
            if name not in known and not self.accepts_any:
                close = get_close_matches(name, known, 1)
                hint = f"; did you mean {close[0]}?" if close else f"; it takes {', '.join(sorted(known))}"
                found.append(f"{self.name} has no argument {name!r}{hint if known else ' (it takes none)'}")
        missing = [p.name for p in self.parameters if p.required and p.name not in arguments]
        found += [f"{self.name} needs the argument {name!r}" for name in missing]
        return found


def shipped(only: str | None = None) -> Collection:
    """handrail's namespaces, or only the named one: importing each takes time."""
    root = Collection()
    for name in NAMESPACES if only is None else [only] if only in NAMESPACES else []:
        module = importlib.import_module(f"{OWN_PACKAGE}{name}")
        namespace = Collection(name)
        for value in vars(module).values():
            if isinstance(value, Task) and _is_of(value, module):
                namespace.add_task(value)
        namespace.__doc__ = module.__doc__
        root.add_collection(namespace)
    return root


def _is_of(task: Task[Any], module: ModuleType) -> bool:
    """Whether the task is written in this module, or in a module of this package."""
    return f"{task.body.__module__}.".startswith(f"{module.__name__}.")


def assemble(tasks_file: Path | None, only: str | None = None) -> Collection:
    """The shipped collection with the project's tasks added; its own win where names are equal.

    With `only`, of the shipped namespaces just that one. Raises `WrongUsage` for a file that fails, and for
    one that would stand in for what is never replaced.
    """
    root = shipped(only)
    if tasks_file is not None:
        added = Collection.from_module(load_tasks_file(tasks_file))
        _refuse_to_replace(_names_of(added), tasks_file)
        merge(root, added)
    return root


def is_own(task: str) -> bool:
    """Whether a task is handrail's alone, so that no code of the project has a part in it."""
    return canonical_name(task) in NEVER_REPLACED


def _refuse_to_replace(names: Mapping[str, Task[Any]], tasks_file: Path) -> None:
    taken = sorted(name for name, task in names.items() if is_own(name) and not is_shipped(task))
    if taken:
        raise WrongUsage(
            f"The project's tasks file {tasks_file} defines {', '.join(taken)}, which handrail judges by.",
            still_safe="nothing was started.",
            next_step=f"rename it there, such as project.{taken[0].partition('.')[2]}, and name that in the"
            " runbook; handrail's own checks can't be replaced.",
        )


def _names_of(collection: Collection, prefix: str = "") -> dict[str, Task[Any]]:
    """Every name by which a task of the collection can be called: aliases and defaults, too."""
    named: dict[str, Task[Any]] = {}
    for name, task in collection.tasks.items():
        for each in {name, task.name, *task.aliases}:
            named[canonical_name(f"{prefix}{each}")] = task
    for alias, name in collection.tasks.aliases.items():
        named[canonical_name(f"{prefix}{alias}")] = collection.tasks[name]
    for name, inner in collection.collections.items():
        named |= _names_of(inner, f"{prefix}{name}.")
    return named


def merge(base: Collection, added: Collection) -> None:
    """Put the tasks of `added` into `base`, one by one by full name."""
    base.configure(added.configuration())
    for name, task in added.tasks.items():
        base.tasks[name] = task
    for name, collection in added.collections.items():
        if name not in base.collections:
            base.add_collection(collection, name)
        elif base.collections[name] is not collection:
            merge(base.collections[name], collection)


def load_tasks_file(path: Path) -> ModuleType:
    """Import a project's tasks.py. Raises `WrongUsage` with file and line where it fails."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(
            f"The project's tasks file {path} can't be read: {error}.",
            next_step="correct `tasks` in handrail.toml.",
        ) from error
    module = ModuleType("handrail_project_tasks")
    module.__file__ = str(path)
    folder = str(path.parent.resolve())
    writes_bytecode = sys.dont_write_bytecode
    # A checkout must stay as git made it, and standard output may be JSON for another program.
    sys.dont_write_bytecode = True
    sys.modules[module.__name__] = module
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102  (the project's own code)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _import_failure(path, error) from error
    finally:
        sys.dont_write_bytecode = writes_bytecode
    return module


def imported_beside(tasks_file: Path) -> list[Path]:
    """The project's own modules that a tasks file has imported as it was read: a check may lie in one.

    Those that a task imports only as it runs are not known beforehand.
    """
    folder = tasks_file.parent.resolve()
    library = Path(sysconfig.get_path("stdlib")).resolve()
    found = set()
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) else None
        if path is None or name.partition(".")[0] == "handrail" or "site-packages" in path.parts:
            continue
        if path.is_relative_to(library):
            continue
        if path.suffix == ".py" and path.is_relative_to(folder) and path != tasks_file.resolve():
            found.add(path)
    return sorted(found)


def _import_failure(path: Path, error: BaseException) -> WrongUsage:
    if isinstance(error, SyntaxError):
        line = error.lineno if error.filename == str(path) else None
        place = f"{error.filename}:{error.lineno}"
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = frames[-1].lineno if frames else None
        place = f"{path}:{line}" if line else str(path)
    return WrongUsage(
        f"The project's tasks file fails when it is imported: {place}: {type(error).__name__}: {error}",
        still_safe="nothing was started.",
        next_step="correct it; `python -m handrail.tasks --list --tasks-file FILE` tries it again.",
    )


def known_tasks(tasks_file: Path | None) -> dict[str, TaskSignature]:
    """Every task by its full name (with underscores), to check names and arguments before a run.

    Raises `WrongUsage` with file and line where the project's tasks.py can't be imported.
    """
    root = assemble(tasks_file)
    found: dict[str, TaskSignature] = {}
    for primary in root.task_names:
        name = primary.replace("-", "_")
        found[name] = signature(name, root[primary])
    return dict(sorted(found.items()))


def signature(name: str, task: Task[Any]) -> TaskSignature:
    """What a task takes, its context left aside."""
    given = list(inspect.signature(task.body).parameters.values())[1:]
    kinds = inspect.Parameter
    parameters = tuple(
        TaskParameter(p.name, p.default is kinds.empty, None if p.default is kinds.empty else p.default)
        for p in given
        if p.kind not in (kinds.VAR_KEYWORD, kinds.VAR_POSITIONAL)
    )
    summary = (task.__doc__ or "").strip().splitlines()
    return TaskSignature(
        name,
        parameters,
        summary[0] if summary else "",
        is_shipped(task),
        any(p.kind is kinds.VAR_KEYWORD for p in given),
    )


def is_shipped(task: Task[Any]) -> bool:
    """Whether handrail itself ships this task, so that a dry run may walk through it."""
    return str(task.body.__module__).startswith(OWN_PACKAGE)


def find(root: Collection, name: str, arguments: Mapping[str, object]) -> Task[Any]:
    """The named task, its arguments checked. Raises `WrongUsage` that names what would be right."""
    try:
        task: Task[Any] = root[name]
    except (KeyError, ValueError) as error:
        known = [primary.replace("-", "_") for primary in root.task_names]
        close = get_close_matches(name, known, 3) or sorted(known)
        raise WrongUsage(
            f"There is no task {name!r}.",
            evidence=f"known: {', '.join(close)}",
            still_safe="nothing was started.",
            next_step="correct the step's task in the runbook, or add the task to the project's tasks.py.",
        ) from error
    if complaints := signature(name, task).complaints(arguments):
        raise WrongUsage(
            f"The arguments of the task {name} are wrong: {'; '.join(complaints)}.",
            still_safe="nothing was started.",
            next_step="correct the step's `with` in the runbook.",
        )
    return task
