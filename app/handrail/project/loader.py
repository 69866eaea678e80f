"""From `handrail.toml` to a project: found upward of where the operator stands, all problems at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from handrail.errors import WrongUsage
from handrail.problems import Location, Problem, as_evidence, dotted, from_validation, in_order, one_of, quote
from handrail.project.calendar import unknown_places
from handrail.project.model import Project
from handrail.project.signals import misfits
from handrail.project.toml import key_lines
from handrail.sources import Unreadable, read_source

FILE_NAME = "handrail.toml"
DEEPEST = 32
NOT_WRITTEN: tuple[Location, ...] = (("root",), ("digest",))
SECRET_FIELDS = frozenset({"environment", "webhook", "url", "token"})
Model = TypeVar("Model", bound=BaseModel)


class ProjectInvalid(WrongUsage):
    """A project file must be corrected; `problems` has all that is wrong with it."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = in_order(problems)
        count = len(self.problems)
        super().__init__(
            f"The project file {path} has {count} problem{'s' if count != 1 else ''}.",
            evidence=as_evidence(self.problems),
            still_safe="nothing was started.",
            next_step="correct the lines above, then try again.",
        )


def find(start: Path) -> Path | None:
    """The nearest `handrail.toml` in `start` or in a folder around it."""
    folder = start.absolute()
    for candidate in (folder, *folder.parents):
        try:
            if (candidate / FILE_NAME).is_file():
                return candidate / FILE_NAME
        except OSError:
            continue
    return None


def load(path: Path) -> Project:
    """The project of one file, its relative paths made absolute against the file's folder.

    Raises `ProjectInvalid` with every problem of the file. Values that may be secret are never quoted.
    """
    path = path.absolute()
    try:
        source = read_source(path)
    except Unreadable as error:
        raise ProjectInvalid(path, error.problems) from error
    data = _parsed(path, source.text)
    lines: dict[Location, int] = {}

    def line_of(location: Location) -> int:
        if not lines:
            lines.update(key_lines(source.text) or {(): 1})
        while location and location not in lines:
            location = location[:-1]
        return lines.get(location, 1)

    problems = _own_problems(path, data, line_of)
    for place in NOT_WRITTEN:
        data.pop(str(place[0]), None)
    if isinstance(targets := data.get("targets"), dict):
        data["targets"] = {
            name: {**table, "name": name} if isinstance(table, dict) else table
            for name, table in targets.items()
        }
    try:
        project = Project.model_validate({**data, "digest": source.digest})
    except ValidationError as error:
        found = from_validation(error, Project, file=path, line_of=line_of, hidden=_may_be_secret)
        raise ProjectInvalid(path, [*problems, *found]) from error
    for name, target in project.targets.items():
        for within, what, expected in misfits(target):
            misfit: Location = ("targets", name, *within)
            problems.append(Problem(path, line_of(misfit), dotted(misfit), what, expected))
    if problems:
        raise ProjectInvalid(path, problems)
    return _with_absolute_paths(project, path.parent)


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Before Python 3.14 the line stands in the message alone; "at end of document" has none.
        match = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        line = int(match[1]) if match else max(text.rstrip("\n").count("\n") + 1, 1)
        said = str(error).split(" (at ")[0]
        raise ProjectInvalid(
            path, [Problem(path, line, "", f"what is not TOML ({said})", "TOML 1.0")]
        ) from error
    except (RecursionError, ValueError) as error:
        # Nesting beyond the parser's depth, or a number beyond the interpreter's digits.
        problem = Problem(
            path, 1, "", "a value that can't be read", f"at most {DEEPEST} levels, and usual numbers"
        )
        raise ProjectInvalid(path, [problem]) from error
    if _depth(data) > DEEPEST:
        problem = Problem(path, 1, "", f"more than {DEEPEST} levels", f"at most {DEEPEST} levels of nesting")
        raise ProjectInvalid(path, [problem])
    return data


def _depth(data: object) -> int:
    depth, level = 0, [data]
    while level := [
        item
        for value in level
        if isinstance(value, dict | list)
        for item in (value.values() if isinstance(value, dict) else value)
    ]:
        depth += 1
    return depth


def _own_problems(path: Path, data: Mapping[str, Any], line_of: Callable[[Location], int]) -> list[Problem]:
    """What the model can't say: keys that follow from the file itself, and a default that isn't there."""
    targets = data.get("targets")
    targets = targets if isinstance(targets, dict) else {}
    problems = []
    follows = [place for place in NOT_WRITTEN if place[0] in data]
    follows += [
        ("targets", name, "name")
        for name, table in targets.items()
        if isinstance(table, dict) and "name" in table
    ]
    for place in follows:
        expected = "none: it follows from the file itself"
        problems.append(Problem(path, line_of(place), dotted(place), "a key that isn't written", expected))
    for name, table in targets.items():
        window = table.get("window") if isinstance(table, dict) else None
        for key, found, expected in unknown_places(window) if isinstance(window, dict) else ():
            place = ("targets", name, "window", key)
            problems.append(Problem(path, line_of(place), dotted(place), found, expected))
    default = data.get("default_target")
    if isinstance(default, str) and default not in targets:
        found = f"the unknown target {quote(default)}"
        line = line_of(("default_target",))
        problems.append(Problem(path, line, "default_target", found, one_of(default, targets)))
    return problems


def _may_be_secret(location: Location) -> bool:
    return not SECRET_FIELDS.isdisjoint(location)


def _with_absolute_paths(model: Model, root: Path) -> Model:
    changed = {name: _absolute(getattr(model, name), root) for name in type(model).model_fields}
    return model.model_copy(update=changed)


def _absolute(value: Any, root: Path) -> Any:
    match value:
        case Path():
            return root / _home(value)
        case BaseModel():
            return _with_absolute_paths(value, root)
        case tuple():
            return tuple(_absolute(item, root) for item in value)
        case dict():
            return {key: _absolute(item, root) for key, item in value.items()}
    return value


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        # `~name` of a user that this machine doesn't have is then a folder of that name.
        return path
