"""What Prometheus answers, and whatever else may stand in its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.probes.prometheus import NoValue, instant_value, range_values


def answer(kind: str, result: object) -> str:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


def vector(*values: object) -> str:
    return answer("vector", [{"metric": {"i": str(n)}, "value": [1.5, v]} for n, v in enumerate(values)])


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (vector("42"), 42),
        (vector("1e-3"), 0.001),
        (vector(7), 7),
        (answer("scalar", [1700000000.1, "-1.5"]), -1.5),
    ],
)
def test_one_value_is_a_number_that_comes_as_text(body: str, value: float) -> None:
    assert instant_value(body) == value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (vector(), "no data"),
        (vector("1", "2"), "2 series, and one is expected"),
        (vector("NaN"), "NaN, which is no number"),
        (vector("+Inf"), "Inf"),
        (vector("-Inf"), "Inf"),
        (vector("many"), "many"),
        (vector(None), "None"),
        (vector(True), "True"),
        (answer("string", [1, "x"]), "gives a string"),
        (answer("matrix", []), "gives a matrix"),
        (answer("vector", [{"metric": {}, "histogram": [1, {}]}]), "a histogram"),
        (answer("vector", [{"metric": {}}]), "no number"),
        (answer("vector", {"a": 1}), "not Prometheus'"),
        (answer("vector", [1]), "not Prometheus'"),
        ('{"status":"error","errorType":"bad_data","error":"parse error"}', "bad_data: parse error"),
        ('{"status":"success"}', "not Prometheus'"),
        ('{"status":"success","data":[]}', "not Prometheus'"),
        ("[]", "not Prometheus'"),
        ("null", "not Prometheus'"),
        ("<html><body>Bad Gateway</body></html>", "no JSON: <html>"),
        ("", "it is empty"),
        ('{"status":', "no JSON"),
        ("[" * 200_000, "no JSON"),
    ],
)
def test_anything_else_is_unknown_with_the_reason(body: str, said: str) -> None:
    with pytest.raises(NoValue, match=said):
        instant_value(body)


def test_a_range_is_its_times_and_values_without_what_is_not_finite() -> None:
    body = answer("matrix", [{"metric": {}, "values": [[10, "1"], [20.5, "NaN"], [30, "2.5"]]}])
    assert range_values(body) == [(10.0, 1.0), (30.0, 2.5)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (answer("matrix", []), "no data"),
        (vector("1"), "no range"),
        (answer("matrix", [{"metric": {}}]), "no values"),
        (answer("matrix", [{"values": []}, {"values": []}]), "2 series"),
    ],
)
def test_what_is_no_range_is_unknown(body: str, said: str) -> None:
    with pytest.raises(NoValue, match=said):
        range_values(body)


KEYS = ["status", "data", "result", "resultType", "value", "values", "error"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_no_nonsense_is_ever_a_value_without_being_one(result: object) -> None:
    for kind in ("vector", "scalar", "matrix"):
        for read in (instant_value, range_values):
            for body in (json.dumps(result), answer(kind, result)):
                try:
                    found = read(body)
                except NoValue as error:
                    said = str(error)
                else:
                    said = repr(found)
                assert said
