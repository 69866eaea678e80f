"""What a task would do, without doing it: for `handrail run --dry-run`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handrail.errors import HandrailError
from handrail.tasks.collection import assemble, find, is_shipped
from handrail.tasks.performers.dry import DryPerformer
from handrail.tasks.program import execute
from handrail.tasks.workplace import Site

if TYPE_CHECKING:
    from handrail.project.model import Target

_FACT = re.compile(r"\$\{facts\.([A-Za-z0-9_.-]+)\}")


def preview(
    task_name: str,
    arguments: Mapping[str, Any],
    target: Target | Mapping[str, Any],
    tasks_file: Path | None = None,
) -> list[str]:
    """The lines that a real run's log would have for its commands and requests; changes nothing.

    A fact that isn't known yet stands as its name in capitals. A project's own task is anybody's code:
    it is named with its arguments, never executed. Raises `WrongUsage` for an unknown task or argument.
    """
    root = assemble(tasks_file)
    task = find(root, task_name, arguments)
    given = {name: _placeholders(value) for name, value in arguments.items()}
    if not is_shipped(task):
        written = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return [f"task of the project: {task_name}({written})"]
    raw = dict(target) if isinstance(target, Mapping) else target.model_dump(mode="json", by_alias=True)
    performer = DryPerformer()
    try:
        execute(root, task_name, given, Site(raw), performer=performer)
    except HandrailError as error:
        performer.lines.append(f"would stop here: {error.summary}")
    return performer.lines


def _placeholders(value: Any) -> Any:
    if isinstance(value, str):
        return _FACT.sub(lambda match: match[1].upper().replace(".", "_"), value)
    if isinstance(value, dict):
        return {key: _placeholders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_placeholders(inner) for inner in value]
    return value
