"""References are found, refused and resolved; text stays text, whatever it holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.runbook.template import MissingValue, TemplateError, malformed, references, resolve

NAMES: dict[str, dict[str, Any]] = {
    "param": {"ref": "v1.3.0", "empty": "", "evil": "${facts.secret}", "cash": "$", "none": None},
    "target": {"pm2": {"names": ["a", "b ${facts.x}"]}, "production": True, "smoke": {"limit": 1.5}},
    "facts": {"schema": 7, "secret": "s"},
}
PLAN = {name: NAMES[name] for name in ("param", "target")}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${param.ref}", "v1.3.0"),
        ("tag ${param.ref}, schema ${facts.schema}", "tag v1.3.0, schema 7"),
        ("${facts.schema}", 7),
        ("${target.production}", True),
        ("is ${target.production}", "is true"),
        ("${target.pm2.names}", ["a", "b ${facts.x}"]),
        ("${target.pm2.names.0}", "a"),
        ("${param.none}", None),
        ("${param.empty}${param.empty}", ""),
        ("$${param.ref}", "${param.ref}"),
        ("$$${param.ref}", "$${param.ref}"),
        ("$HOME and $$ and $(x) and {y}", "$HOME and $$ and $(x) and {y}"),
        (
            {"a": ["${param.ref}", {"${b}": "x${facts.schema}"}], "n": 3},
            {"a": ["v1.3.0", {"${b}": "x7"}], "n": 3},
        ),
        ("${param.evil}", "${facts.secret}"),
    ],
)
def test_resolving_at_once(value: object, expected: object) -> None:
    assert resolve(value, NAMES) == expected


@pytest.mark.parametrize(
    ("value", "planned", "final"),
    [
        ("${param.ref}", "v1.3.0", "v1.3.0"),
        ("${facts.schema}", "${facts.schema}", 7),
        ("${param.ref} of ${facts.schema}", "v1.3.0 of ${facts.schema}", "v1.3.0 of 7"),
        ("$${facts.schema}", "$${facts.schema}", "${facts.schema}"),
        ("${param.evil}", "$${facts.secret}", "${facts.secret}"),
        ("x ${param.evil} ${facts.schema}", "x $${facts.secret} ${facts.schema}", "x ${facts.secret} 7"),
        ("${param.cash}{facts.secret}", "$${facts.secret}", "${facts.secret}"),
        ("${target.pm2.names}", ["a", "b $${facts.x}"], ["a", "b ${facts.x}"]),
        ("${target.smoke.limit}", 1.5, 1.5),
    ],
)
def test_facts_wait_for_the_step_and_values_are_never_read_as_references(
    value: object, planned: object, final: object
) -> None:
    first = resolve(value, PLAN, keep={"facts"})
    assert first == planned
    assert resolve(first, {"facts": NAMES["facts"]}) == final


def test_a_dollar_right_before_a_kept_reference_is_refused() -> None:
    with pytest.raises(TemplateError, match="stands right before"):
        resolve("${param.cash}${facts.schema}", PLAN, keep={"facts"})


@pytest.mark.parametrize(
    "text", ["${param.reff}", "${facts.schema.deep}", "${target.pm2.names.9}", "x${param.none}"]
)
def test_a_missing_value_says_which(text: str) -> None:
    with pytest.raises(MissingValue) as raised:
        resolve(text, NAMES)
    assert str(raised.value.reference) == text.lstrip("x")
    assert text.lstrip("x") in str(raised.value)


def test_a_missing_value_suggests_what_was_meant() -> None:
    with pytest.raises(MissingValue, match="did you mean 'ref'"):
        resolve("${param.reff}", NAMES)


@pytest.mark.parametrize("text", ["list ${target.pm2.names}", "${oops}", "${param.ref", "${param.a b}"])
def test_what_can_not_be_resolved_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        resolve(text, NAMES)


def test_references_have_namespace_path_and_place() -> None:
    (one, two) = references("a ${param.x} $${param.no} ${target.a.b-c.0}")
    assert (one.namespace, one.path, one.start, one.end) == ("param", ("x",), 2, 12)
    assert (two.namespace, two.path) == ("target", ("a", "b-c", "0"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${", "a closing }"),
        ("${param.x", "a closing }"),
        ("${param.x\n}", "a closing }"),
        ("${a ${param.x}", "a closing }"),
        ("${}", "${param.NAME}"),
        ("${param}", "${param.NAME}"),
        ("${param.}", "${param.NAME}"),
        ("${ param.x }", "${param.NAME}"),
        ("${fact.x}", "did you mean 'facts'?"),
        ("${env.HOME}", "param, target or facts"),
    ],
)
def test_malformed_references_say_what_was_expected(text: str, expected: str) -> None:
    assert expected in malformed(text)[0].expected


@given(st.text(alphabet="$${}.parmx ", max_size=40), st.text(alphabet="${}.factsx", max_size=20))
def test_a_values_text_comes_through_both_phases_unchanged(around: str, given_value: str) -> None:
    text = around.replace("${", "$ {") + "|${param.x}|${facts.y}"
    planned = resolve(text, {"param": {"x": given_value}}, keep={"facts"})
    final = resolve(planned, {"facts": {"y": given_value}})
    assert final == around.replace("${", "$ {") + f"|{given_value}|{given_value}"
