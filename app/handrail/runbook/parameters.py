"""The values that an operator gives before a run: defaults, patterns, choices, and what is missing.

Patterns are those of Rust's regex crate: without look-around and back-references, and in time linear
in the value, so that no pattern and no value can stall handrail.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from handrail.problems import Problem, one_of, quote
from handrail.runbook.model import FrontMatter, Parameter

LONGEST_VALUE = 1_000
LONGEST_PATTERN = 500
COMMAND_LINE = Path("parameters")


@lru_cache(maxsize=256)
def _validator(pattern: str) -> SchemaValidator:
    # Alone first: `a)(b` would be whole between the signs that make it match all of the value.
    core_schema_of = core_schema.str_schema
    SchemaValidator(core_schema_of(pattern=pattern, regex_engine="rust-regex"))
    return SchemaValidator(core_schema_of(pattern=rf"\A(?:{pattern})\z", regex_engine="rust-regex"))


def pattern_fault(pattern: str) -> str | None:
    """Why `pattern` is no regular expression that can be used here; `None` where it is one."""
    if len(pattern) > LONGEST_PATTERN:
        return f"a pattern of at most {LONGEST_PATTERN} characters"
    try:
        _validator(pattern)
    except SchemaError as error:
        said = [line.strip() for line in str(error).splitlines() if line.strip().startswith("error:")]
        reason = said[-1].removeprefix("error: ") if said else "it is too large"
        return f"a regular expression ({reason})"
    return None


def value_fault(parameter: Parameter, value: str) -> str | None:
    """What `value` should have been for this parameter; `None` where it fits."""
    if len(value) > LONGEST_VALUE:
        return f"at most {LONGEST_VALUE:,} characters"
    if "\0" in value:
        return "text without NUL characters"
    if parameter.choices and value not in parameter.choices:
        return one_of(value, parameter.choices)
    if parameter.pattern is None:
        return None
    if fault := pattern_fault(parameter.pattern):
        return f"its pattern to be {fault}"
    try:
        _validator(parameter.pattern).validate_python(value)
    except ValidationError:
        return f"text that matches {parameter.pattern} as a whole"
    return None


def check_parameters(
    front_matter: FrontMatter, given: Mapping[str, str], *, file: Path = COMMAND_LINE
) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The value of every parameter, given or by default, and what is wrong with them or missing.

    A parameter that has neither is missing, and an empty answer is none; one that the runbook doesn't
    have is refused by name.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name in given:
        if name not in front_matter.parameters:
            expected = one_of(name, front_matter.parameters)
            problems.append(Problem(file, 1, name, "an unknown parameter", expected))
    for name, parameter in front_matter.parameters.items():
        value = given.get(name, parameter.default)
        if value is None or (parameter.default is None and not value.strip()):
            problems.append(Problem(file, 1, name, "no value", f"an answer to: {parameter.prompt}"))
        elif fault := value_fault(parameter, value):
            problems.append(Problem(file, 1, name, quote(value), fault))
        else:
            values[name] = value
    return values, tuple(problems)
