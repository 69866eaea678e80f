"""The JSON Schema of what a runbook can say, for editors."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from handrail.runbook.model import FrontMatter, StepBlock

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """One document (JSON Schema 2020-12) with `#/$defs/StepBlock` and `#/$defs/FrontMatter`.

    The document itself accepts either. What only the loader can know (templates, tasks, included
    runbooks, fields that exclude each other) is left to `handrail check`.
    """
    _, schema = models_json_schema(
        [(StepBlock, "validation"), (FrontMatter, "validation")],
        title="handrail runbook",
        description="The front matter of a runbook, and the `yaml step` block of each of its steps.",
    )
    return {
        "$schema": DIALECT,
        **schema,
        "anyOf": [{"$ref": "#/$defs/StepBlock"}, {"$ref": "#/$defs/FrontMatter"}],
    }
