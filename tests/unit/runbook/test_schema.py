"""The exported schema is a schema, and agrees with the loader on what a block can be."""

import json
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from handrail.runbook.loader import shipped_runbooks
from handrail.runbook.markdown import parse
from handrail.runbook.model import FrontMatter, StepBlock
from handrail.runbook.schema import json_schema
from handrail.runbook.yaml import read_tree

MIGRATE = {
    "task": "database.migrate",
    "timeout": "10m",
    "estimate": "1h 30m",
    "gate": ["database.backed_up", {"check": "database.reversible", "waivable": False, "with": {"a": 1}}],
    "undo": {"task": "database.migrate_down", "with": {"to": "${facts.schema_before}"}, "estimate": "45s"},
    "irreversible_when": "${facts.destructive}",
    "probe": "database.at",
    "idempotent": True,
    "on_failure": "immediate",
}


def valid(kind: str, value: object) -> bool:
    schema = json_schema()
    return Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{kind}"}]}).is_valid(value)


def accepted(model: type[BaseModel], value: object) -> bool:
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True


def test_it_is_a_json_schema_2020_12_and_can_be_written() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    jsonschema.validate(MIGRATE, schema)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (MIGRATE, True),
        ({"check": "pm2.status", "probe": {"task": "git.at", "with": {}}}, True),
        ({"attest": "Seen by two.", "by": "someone-else"}, True),
        ({"announce": "Deploying ${param.feature}"}, True),
        ({"watch": {"for": "30m", "every": "10s"}}, True),
        ({"runbook": "rollback-code", "undo": {"nothing": "It only looks."}}, True),
        ({"task": "a", "undo": {"task": "b", "otherwise": {"runbook": "c", "with": {"d": "e"}}}}, True),
        ({"task": "a", "undo": {"task": "b", "otherwise": {"with": {"d": "e"}}}}, False),
        ({"task": "a", "undo": {"task": "b", "otherwise": "c"}}, False),
        ({}, True),
        ({"taks": "a"}, False),
        ({"timeout": 5}, False),
        ({"timeout": "5 minutes"}, False),
        ({"gate": [1]}, False),
        ({"gate": ["not a task"]}, False),
        ({"by": "anyone"}, False),
        ({"on_failure": "soon"}, False),
        ({"watch": {"every": "1s"}}, False),
    ],
)
def test_schema_and_model_agree_on_step_blocks(value: dict[str, Any], fits: bool) -> None:
    assert (valid("StepBlock", value), accepted(StepBlock, value)) == (fits, fits)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({}, True),
        (
            {"title": "x", "target": "production", "parameters": {"ref": {"prompt": "?", "default": "a"}}},
            True,
        ),
        ({"parameters": {"ref": {"prompt": "?", "pattern": "a", "choices": ["a"]}}}, True),
        ({"parameters": {"ref": {}}}, False),
        ({"parameters": {"Ref": {"prompt": "?"}}}, False),
        ({"tilte": "x"}, False),
    ],
)
def test_schema_and_model_agree_on_front_matter(value: dict[str, Any], fits: bool) -> None:
    assert (valid("FrontMatter", value), accepted(FrontMatter, value)) == (fits, fits)


def test_every_block_of_the_shipped_runbooks_fits_the_schema() -> None:
    schema = Draft202012Validator(json_schema())
    for path in sorted(shipped_runbooks().glob("*.md")):
        document = parse(path.read_text(encoding="utf-8"))
        texts = [fence.text for fence in document.fences if fence.is_step]
        texts += [document.front.text] if document.front else []
        for text in texts:
            tree, problems = read_tree(text, file=path, first_line=1)
            assert tree is not None
            assert not problems
            assert not list(schema.iter_errors(tree.data)), (path, text)
