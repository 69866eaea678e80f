"""What is wrong in a file that a person wrote: where, what was found, and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Location = tuple[str | int, ...]
"""The way to a value in nested data: keys and positions."""

LONGEST_QUOTE = 60


class Problem(Struct, frozen=True):
    """One mistake: `line` counts from 1 in `file`, `field` is empty where the file itself is meant."""

    file: Path
    line: int
    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}: {field}found {self.found}; expected {self.expected}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems without repetitions, each file's in the order of its lines."""
    files: dict[Path, list[Problem]] = {}
    for problem in dict.fromkeys(problems):
        files.setdefault(problem.file, []).append(problem)
    return tuple(p for group in files.values() for p in sorted(group, key=lambda p: p.line))


def quote(text: str) -> str:
    """`text` in quotation marks, cut where it is long."""
    return repr(text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…")


def describe(value: object, *, hide: bool = False) -> str:
    """What was found, in a few words; with `hide`, its kind alone, since it may be a secret."""
    match value:
        case None:
            return "nothing"
        case dict():
            return f"a mapping with {', '.join(map(str, value)) or 'nothing in it'}"[: LONGEST_QUOTE * 2]
        case list() | tuple():
            return f"a list of {len(value)}"
        case str():
            return "text" if hide else quote(value)
        case bool():
            return "true or false" if hide else str(value).lower()
        case int() | float():
            return "a number" if hide else quote(str(value)).strip("'")
    return f"a value of type {type(value).__name__}"


def suggestion(found: str, known: Iterable[str]) -> str:
    """`; did you mean …?` where a known name is close to what was found, else nothing."""
    close = difflib.get_close_matches(found[:200], sorted(set(known)), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def one_of(found: str, known: Iterable[str]) -> str:
    """The names that are known here, and the one that was perhaps meant."""
    names = sorted(set(known))
    listed = ", ".join(names[:30]) + (", …" if len(names) > 30 else "")
    return (f"one of {listed}" if names else "none at all") + suggestion(found, names)


def dotted(location: Location) -> str:
    """A location as a person writes it: `gate[0].check`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "path_type": "a path",
}


def _models_at(annotation: object, location: Location) -> Iterable[type[BaseModel]]:
    """The models that could stand at `location` below a field of this type."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _models_at(get_args(annotation)[0], location)
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _models_at(member, location)
    elif origin is tuple and location:
        yield from _models_at(get_args(annotation)[0], location[1:])
    elif origin is dict and location:
        yield from _models_at(get_args(annotation)[1], location[1:])
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not location:
            yield annotation
            return
        for name, field in annotation.model_fields.items():
            if location[0] in (name, field.alias):
                yield from _models_at(field.annotation, location[1:])


def known_keys(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that a mapping at `location` of `model` may have, as they are written."""
    return [
        field.alias or name
        for found in _models_at(model, location)
        for name, field in found.model_fields.items()
    ]


def _found_and_expected(
    error: ErrorDetails, location: Location, model: type[BaseModel], *, hide: bool
) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    found = describe(error["input"], hide=hide)
    if kind == "extra_forbidden":
        key = str(location[-1])
        return f"an unknown key {quote(key)}", one_of(key, known_keys(model, location[:-1]))
    if kind == "missing":
        return "no such key", f"{location[-1]}, which can't be left out"
    if kind in ("literal_error", "enum"):
        return found, str(context.get("expected", "")).replace(" or ", ", ") + _close(error["input"], context)
    if kind == "string_pattern_mismatch":
        return found, f"text that matches {context['pattern']}"
    if kind == "string_type" and isinstance(error["input"], bool | int | float):
        return found, "text: put it in quotation marks"
    if kind == "value_error":
        return found, str(context["error"])
    return found, _EXPECTED.get(kind) or error["msg"].removeprefix("Input should be ").removeprefix(
        "Value error, "
    )


def _close(value: object, context: dict[str, Any]) -> str:
    allowed = str(context.get("expected", "")).replace(" or ", ", ").split(", ")
    return suggestion(value, [name.strip("'") for name in allowed]) if isinstance(value, str) else ""


def from_validation(
    error: ValidationError,
    model: type[BaseModel],
    *,
    file: Path,
    line_of: Callable[[Location], int],
    within: Location = (),
    hidden: Callable[[Location], bool] = lambda location: False,
) -> list[Problem]:
    """Every error that pydantic found in one value of `model`, with its line.

    `line_of` gives the line of a location in the data; `within` is put before the field's name;
    what stands at a `hidden` location is never quoted.
    """
    problems = []
    for detail in error.errors(include_url=False):
        location: Location = tuple(part for part in detail["loc"] if part != "[key]")
        found, expected = _found_and_expected(detail, location, model, hide=hidden(location))
        if "[key]" in detail["loc"]:
            found, expected = f"the name {quote(str(location[-1]))}", f"a name: {expected}"
        problems.append(Problem(file, line_of(location), dotted((*within, *location)), found, expected))
    return problems


def as_evidence(problems: Sequence[Problem]) -> str:
    """The problems as lines for an error message."""
    return "\n".join(str(problem) for problem in problems)
