"""Tests never run against the target's own database, however its address is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.tasks.tests import is_same_database, leftovers
from handrail.tasks.workplace import Site

OWN = "postgresql://shop:secret@127.0.0.1:5433/shop"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (OWN, True),
        ("postgres://other:else@127.0.0.1:5433/shop", True),
        ("postgresql://localhost:5433/shop?sslmode=disable", True),
        ("postgresql://127.0.0.1:5433/%73hop", True),
        ("postgresql://127.0.0.1:5433/shop_tests", False),
        ("postgresql://127.0.0.1:5432/shop", False),
        ("postgresql://127.0.0.2:5433/shop", False),
        ("postgresql://127.0.0.1:not-a-port/shop", False),
        ("production", False),
        ("", False),
    ],
)
def test_whether_an_address_leads_to_the_targets_database(other: str, same: bool) -> None:
    assert is_same_database(OWN, other) is same


def test_only_worktrees_of_ended_processes_are_left_over(tmp_path: Path) -> None:
    site = Site({"checkout": str(tmp_path / "shop")})
    names = ["shop", "shop.handrail-tests-1", "shop.handrail-tests-x", "shop2.handrail-tests-99999999"]
    ended = f"shop.handrail-tests-{2**22 + 1}"
    assert leftovers(site, [*names, ended]) == [tmp_path / ended]
