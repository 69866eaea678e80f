"""The sandbox's shop has unit, integration and e2e tests, which every release of it passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from handrail.project.model import Suite
from sandbox_fixture import Shop

pytestmark = pytest.mark.e2e


ALSO = ("v1.3.0", "v1.3.1", "v1.4.0")


@pytest.mark.parametrize("tag", ["v1.2.3", *(pytest.param(tag, marks=pytest.mark.long) for tag in ALSO)])
def test_every_release_passes_its_own_tests(shop: Shop, begin: Any, tag: str) -> None:
    done = begin("tests.run", {"ref": tag}, shop.target, environment=shop.environment)
    assert (done.verdict, done.code) == ("pass", 0), done.log
    assert done.facts["tested_commit"] == shop.run("git", "rev-parse", f"{tag}^{{commit}}").strip()
    assert done.facts["tests_integration"] == "3 passed, 0 failed, 0 skipped"
    assert done.facts["tests_e2e"] == "3 passed, 0 failed, 0 skipped"
    assert shop.run("git", "status", "--porcelain") == ""
    assert shop.version() == "1.2.3"


@pytest.fixture
def scratch(shop: Shop) -> Iterator[str]:
    """A database for tests alone, on the sandbox's own server."""
    assert shop.target.database is not None
    own = shop.target.database.url.reveal()
    name = shop.sql("SELECT current_database()")
    shop.sql("DROP DATABASE IF EXISTS shop_tests WITH (FORCE)")
    shop.sql("CREATE DATABASE shop_tests")
    before, _, after = own.rpartition(f"/{name}")
    yield f"{before}/shop_tests{after}"
    shop.sql("DROP DATABASE shop_tests WITH (FORCE)")


@pytest.mark.long
def test_with_a_database_of_their_own_the_tests_place_an_order(shop: Shop, begin: Any, scratch: str) -> None:
    suite = Suite(environment={"TEST_DATABASE_URL": scratch})
    target = shop.target.model_copy(update={"tests": suite})
    done = begin("tests.run", {"ref": "v1.3.0"}, target, environment=shop.environment)
    assert done.verdict == "pass", done.log
    assert target.database is not None
    assert target.database.programs is not None
    psql = str(target.database.programs / "psql")
    assert shop.run(psql, "-XqAt", "-d", scratch, "-c", "SELECT count(*) FROM orders").strip() == "1"
