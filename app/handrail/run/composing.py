"""Templates inside templates: what a runbook is given stands in for its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handrail.runbook.template import references


def composed(template: Any, given: Mapping[str, Any]) -> Any:
    """`template` with each `${param.NAME}` replaced by the template that is given for it."""
    if isinstance(template, Mapping):
        return {key: composed(item, given) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [composed(item, given) for item in template]
    if not isinstance(template, str) or not given:
        return template
    found = [r for r in references(template) if r.namespace == "param" and r.path[0] in given]
    if len(found) == 1 and str(found[0]) == template:
        return given[found[0].path[0]]
    for reference in reversed(found):
        value = given[reference.path[0]]
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            template = f"{template[: reference.start]}{text}{template[reference.end :]}"
    return template


def parameters_in(template: Any) -> Iterator[str]:
    """The names of the parameters to which `template` still refers."""
    if isinstance(template, Mapping):
        template = list(template.values())
    if isinstance(template, list | tuple):
        for item in template:
            yield from parameters_in(item)
    elif isinstance(template, str):
        yield from (r.path[0] for r in references(template) if r.namespace == "param")
