"""Probes of a real application: its pages and flows, pm2's processes and logs, its database, a task."""

from __future__ import annotations

import os
from typing import Any

import pytest

from handrail.clock import SystemClock
from handrail.probes.making import Maker
from handrail.project.model import Target
from handrail.project.probes import Probe
from handrail.project.signals import probes_of, signals_of
from handrail.signals.window import Sample
from sandbox_fixture import Shop
from waiting import wait_for

pytestmark = pytest.mark.e2e


def looking(target: Target, kind: str, table: Any, **fields: Any) -> Any:
    probe = Probe.model_validate({"name": "looked at", kind: table, "timeout": "30s", **fields})
    return Maker(target, SystemClock(), os.environ).prober(probe)


def by_signal(samples: list[Sample]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for each in samples:
        found.setdefault(each.signal, []).append(each)
    return found


def only(samples: list[Sample]) -> Sample:
    (found,) = samples
    return found


def test_what_is_looked_at_by_default_is_well_in_a_shop_that_is(open_shop: Shop) -> None:
    target = open_shop.target
    maker = Maker(target, SystemClock(), os.environ)
    probers = maker.probers(probes_of(target))
    wait_for(open_shop.sandbox.layout.served.access_log.exists, "the first visitor of a new shop")
    for prober in probers:
        prober.look()
    found = by_signal([each for prober in probers for each in prober.look()])
    assert found.keys() == {signal.name for signal in signals_of(target)}
    assert [each.why for samples in found.values() for each in samples if each.value is None] == []
    assert [each.value for each in found["health"] + found["homepage"]] == [0, 0]
    assert {each.value for each in found["processes"]} == {0}
    assert only(found["restarts"]).value == 0
    memory = only(found["memory"]).value
    assert memory is not None
    assert memory > 10 * 1024 * 1024
    for prober in probers:
        prober.close()
    maker.close()


def test_pm2s_restarts_are_counted(open_shop: Shop) -> None:
    prober = looking(open_shop.target, "pm2", {})
    assert "restarts" not in by_signal(prober.look())
    open_shop.reload()
    found = by_signal(prober.look())
    restarts = only(found["restarts"]).value
    assert restarts is not None
    assert restarts >= 1
    wait_for(
        lambda: {each.value for each in by_signal(prober.look())["processes"]} == {0}, "every process online"
    )
    assert only(by_signal(prober.look())["restarts"]).value == 0


def test_pm2_without_these_processes_is_bad_and_another_program_unknown(open_shop: Shop) -> None:
    pm2 = open_shop.target.pm2
    other = open_shop.target.model_copy(update={"pm2": pm2.model_copy(update={"names": ("another",)})})
    found = by_signal(looking(other, "pm2", {}).look())
    assert only(found["processes"]).value == 1
    assert only(found["memory"]).value is None
    absent = open_shop.target.model_copy(update={"pm2": pm2.model_copy(update={"program": ("/absent/pm2",)})})
    found = by_signal(looking(absent, "pm2", {}).look())
    assert only(found["processes"]).value is None
    assert "can't be started" in only(found["processes"]).why


def test_a_flow_of_the_shop(open_shop: Shop) -> None:
    found = by_signal(looking(open_shop.target, "flow", "login").look())
    assert only(found["looked at"]).value == 0
    took = only(found["looked at time"]).value
    assert took is not None
    assert took > 0


@pytest.mark.parametrize(
    ("query", "value", "said"),
    [
        ("select 42", 42, ""),
        ("select count(*) from orders;", None, ""),
        ("select null", None, "null"),
        ("select 1 where false", None, "no row"),
        ("select generate_series(1, 3)", None, "3 rows"),
        ("select 1, 2", None, "several columns"),
        ("select 'x'", None, "no number"),
        ("selec 1", None, "syntax error"),
        ("delete from orders", None, "read-only transaction"),
        ("create table probed (a int)", None, "read-only transaction"),
        ("select pg_sleep(20)", None, "statement timeout"),
    ],
)
def test_a_query_of_the_shops_database(open_shop: Shop, query: str, value: float | None, said: str) -> None:
    found = only(looking(open_shop.target, "sql", {"query": query}, timeout="3s").look())
    if "count(*)" in query:
        assert found.value == float(open_shop.sql(query))
        return
    assert found.value == value
    assert said in found.why
    assert "probed" not in open_shop.sql("select string_agg(tablename, ',') from pg_tables")


def test_a_database_that_can_not_be_asked_is_unknown_without_its_password(open_shop: Shop) -> None:
    database = open_shop.target.database
    assert database is not None
    url = "postgresql://shop:hunter2@127.0.0.1:1/shop"
    target = Target.model_validate(
        {
            **open_shop.target.model_dump(mode="json", by_alias=True),
            "database": {"url": url, "programs": str(database.programs)},
        }
    )
    found = only(looking(target, "sql", {"query": "select 1"}).look())
    assert found.value is None
    assert "refused" in found.why
    assert "hunter2" not in found.why


@pytest.mark.parametrize(
    ("table", "value", "said"),
    [
        ({"name": "app.healthy"}, 0, ""),
        ({"name": "app.serves", "with": {"version": "9.9.9"}}, 1, "wanted 9.9.9"),
        ({"name": "app.absent"}, None, "no task"),
        ({"name": "pm2.verify", "with": {}, "fact": "log_offsets_new"}, None, "no number"),
    ],
)
def test_a_shipped_task_as_a_probe(open_shop: Shop, table: dict[str, Any], value: float, said: str) -> None:
    found = only(looking(open_shop.target, "task", table, timeout="60s").look())
    assert found.value == value, found.why
    assert said in found.why
