"""What an operator gives is checked against the runbook, and no pattern can stall the check."""

import pytest

from handrail.runbook.model import FrontMatter, Parameter
from handrail.runbook.parameters import LONGEST_VALUE, check_parameters, pattern_fault

FRONT = FrontMatter.model_validate(
    {
        "parameters": {
            "feature": {"prompt": "What is being shipped?"},
            "ref": {"prompt": "Tag", "default": "v1.0.0", "pattern": r"v\d+\.\d+\.\d+|main"},
            "mood": {"prompt": "Mood", "default": "calm", "choices": ["calm", "brave"]},
        }
    }
)


def test_defaults_fill_what_was_not_given() -> None:
    values, problems = check_parameters(FRONT, {"feature": "Cart"})
    assert values == {"feature": "Cart", "ref": "v1.0.0", "mood": "calm"}
    assert not problems


@pytest.mark.parametrize(
    ("given", "field", "fragment"),
    [
        ({}, "feature", "an answer to: What is being shipped?"),
        ({"feature": "x", "ref": "v1.0.0 "}, "ref", "as a whole"),
        ({"feature": "x", "ref": "v1.0.0\n"}, "ref", "as a whole"),
        ({"feature": "x", "ref": "xmain"}, "ref", "as a whole"),
        ({"feature": "x", "mood": "brav"}, "mood", "did you mean 'brave'?"),
        ({"feature": "x" * (LONGEST_VALUE + 1)}, "feature", "at most 1,000 characters"),
        ({"feature": "a\0b"}, "feature", "without NUL"),
        ({"feature": "x", "fature": "y"}, "fature", "did you mean 'feature'?"),
    ],
)
def test_each_mistake_is_named(given: dict[str, str], field: str, fragment: str) -> None:
    values, problems = check_parameters(FRONT, given)
    assert field not in values
    assert [(p.field, fragment in p.expected) for p in problems] == [(field, True)]


@pytest.mark.parametrize(
    "pattern", ["[", "(", "a)(b", "(?=x)", r"(a)\1", "(?<!x)y", "x{1000}{1000}{9}", "x" * 501, "*", "(?x)a#"]
)
def test_patterns_that_can_not_be_used_are_refused(pattern: str) -> None:
    assert pattern_fault(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(.*)*x", r"(\w+\s?)*$"])
def test_patterns_that_backtrack_without_end_elsewhere_answer_here(pattern: str) -> None:
    front = FrontMatter.model_validate({"parameters": {"x": {"prompt": "?", "pattern": pattern}}})
    _, problems = check_parameters(front, {"x": "a" * (LONGEST_VALUE - 1) + "!"})
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("default", "given", "missing"), [(None, "", True), (None, "  ", True), ("", "", False)]
)
def test_an_empty_answer_is_none_unless_empty_is_the_default(default, given, missing) -> None:
    front_matter = FrontMatter(parameters={"feature": Parameter(prompt="What?", default=default)})
    _, problems = check_parameters(front_matter, {"feature": given})
    assert bool(problems) is missing
