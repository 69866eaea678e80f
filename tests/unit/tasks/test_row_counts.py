"""Rows by table: equal or not, lost or not; and schemas made comparable."""

from __future__ import annotations

import pytest

from handrail.tasks.row_counts import RowCounts, differences, losses, lost_rows, read_counts
from handrail.tasks.schema_text import normalised, reordered, schema_differences

TABLE = "CREATE TABLE public.a (\n    id bigint NOT NULL,\n{middle}    z text\n);\n"


def test_counts_are_read_line_by_line() -> None:
    found = read_counts('["snapshot", "1:2:"]\n["rows", "public.a|b", 3]\n\n["rows", "public.c", 4, 1]')
    assert found.snapshot == "1:2:"
    assert (dict(found.rows), found.total) == ({"public.a|b": 3, "public.c": 4}, 7)
    assert found.written == {"public.c": 1}


@pytest.mark.parametrize("line", ['["rows", "a"]', '["rows", "a", "3"]', '{"a": 1}', "nonsense"])
def test_what_is_no_count_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_counts(line)


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {}, ["the table a is missing"]),
        ({}, {"a": 0}, ["the table a is one too many"]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 2}, ["a has 2 rows instead of 1"]),
    ],
)
def test_what_differs(expected: dict[str, int], found: dict[str, int], said: list[str]) -> None:
    assert differences(expected, found) == said


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [({"a": 1}, {"a": 1}, 0), ({"a": 1}, {"a": 9, "b": 1}, 0), ({"a": 2}, {"a": 1}, 1), ({"a": 0}, {}, 1)],
)
def test_fewer_rows_are_lost_and_more_are_traffic(
    before: dict[str, int], after: dict[str, int], lost: int
) -> None:
    assert len(lost_rows(before, after)) == lost


@pytest.mark.parametrize(
    ("then", "now", "written", "said"),
    [
        ({"a": 3}, {"a": 3}, {}, []),
        ({"a": 3}, {"a": 5}, {"a": 2}, ["a: 2 rows written since (3 then, 5 now)"]),
        ({"a": 3}, {"a": 3}, {"a": 1}, ["a: 1 row written since; 1 changed or deleted since"]),
        ({"a": 3}, {"a": 1}, {}, ["a: 0 rows written since; 2 changed or deleted since"]),
        ({}, {"b": 4}, {"b": 4}, ["b: the whole table (4 rows), which is newer than the backup"]),
        ({"a": 3}, {}, {}, ["a: nothing; it is gone now, and would come back with 3 rows"]),
        ({"m": 1}, {"m": 2}, {"m": 1}, []),
    ],
)
def test_what_a_restore_would_lose(
    then: dict[str, int], now: dict[str, int], written: dict[str, int], said: list[str]
) -> None:
    found = [str(each) for each in losses(RowCounts(then), RowCounts(now, "", written), without=("m",))]
    assert len(found) == len(said)
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True))


def test_schemas_are_compared_without_what_is_no_schema() -> None:
    before = f"\\restrict abc\n-- made\nSET x = 1;\n{TABLE.format(middle='    c text,' + chr(10))}"
    after = f"\\restrict xyz\n{TABLE.format(middle='')}".replace("    z text\n", "    z text,\n    c text\n")
    assert schema_differences(before, after) == []
    assert reordered(before, after)
    assert not reordered(before, before)
    gone = TABLE.format(middle="")
    assert schema_differences(before, gone) == ["-    c text"]
    assert normalised(gone)[0].startswith("CREATE TABLE")
    assert schema_differences(gone, gone + "CREATE INDEX i ON public.a USING btree (z);\n") == [
        "+CREATE INDEX i ON public.a USING btree (z);"
    ]
