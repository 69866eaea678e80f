"""One suite for every prober: samples of its own signals alone, unknown where it can't see, no error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handrail.clock import ManualClock
from handrail.probes.base import Prober
from handrail.probes.making import Maker
from handrail.probes.scripted import ScriptedProber
from handrail.project.model import Target
from handrail.project.probes import KINDS, Probe
from handrail.project.signals import signals_of_probe
from handrail.signals.signal import SignalKind
from handrail.signals.window import make_window, tally
from local_server import LocalServer, free_port, page

VALUE = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"4"]}]}}'
LISTED = [
    {"name": "shop", "pm_id": 0, "pid": 1, "monit": {"memory": 5, "cpu": 2}, "pm2_env": {"status": "online"}}
]
TASKS = """\
from invoke import task
from handrail.tasks import report

@task
def looks(context):
    report.fact("size", 3)
    report.verdict("pass", "as it should be")
"""
LINE = '10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "curl" 0.1\n'


class Place:
    """What the probers of a test look at: all of it there, or all of it broken."""

    def __init__(self, folder: Path, server: LocalServer) -> None:
        self.folder = folder
        self.server = server
        self.clock = ManualClock()
        self.makers: list[Maker] = []

    def program(self, name: str, script: str) -> Path:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        return path

    def file(self, name: str, content: str = "") -> Path:
        path = self.folder / name
        path.write_text(content)
        return path

    def target(self, *, broken: bool) -> Target:
        address = f"http://127.0.0.1:{free_port()}" if broken else self.server.address
        listed = self.file("list.json", json.dumps(LISTED))
        return Target.model_validate(
            {
                "url": address,
                "checkout": str(self.folder),
                "pm2": {
                    "program": [str(self.program("pm2", f"exec cat {listed}" if not broken else "exit 1"))]
                },
                "database": {
                    "url": "postgresql://shop@127.0.0.1:1/shop",
                    "programs": str(self.folder / "programs"),
                },
                "smoke": {"flows": [{"name": "buy", "requests": [{"path": "/"}, {"path": "/checkout"}]}]},
            }
        )

    def maker(self, target: Target, tasks_file: Path | None) -> Maker:
        maker = Maker(target, self.clock, os.environ, tasks_file=str(tasks_file) if tasks_file else None)
        self.makers.append(maker)
        return maker


@dataclass(frozen=True)
class Case:
    """One kind of prober: its table, what is written between two looks, and how it is broken."""

    kind: str
    table: Callable[[Place, bool], dict[str, Any]]
    between: Callable[[Place], None] = lambda place: None
    bad_when_broken: bool = False


def access_log(place: Place, broken: bool) -> dict[str, Any]:
    path = place.folder / "absent.log" if broken else place.folder / "access.log"
    if not broken:
        path.touch()
    return {"path": str(path), "time_field": 1}


def write_access_log(place: Place) -> None:
    with (place.folder / "access.log").open("a") as file:
        file.write(LINE)


def sql(place: Place, broken: bool) -> dict[str, Any]:
    (place.folder / "programs").mkdir(exist_ok=True)
    place.program(
        "programs/psql", "echo 'psql: error: connection refused' >&2; exit 2" if broken else "echo 3"
    )
    return {"query": "select count(*) from orders"}


CASES = [
    Case("http", lambda place, broken: {"path": "/", "expect_text": "Web shop"}, bad_when_broken=True),
    Case("flow", lambda place, broken: "buy", bad_when_broken=True),  # type: ignore[arg-type,return-value]
    Case("access_log", access_log, write_access_log),
    Case(
        "log",
        lambda place, broken: {"paths": [str(place.folder / "absent" if broken else place.file("app.log"))]},
    ),
    Case(
        "prometheus",
        lambda place, broken: {
            "address": f"http://127.0.0.1:{free_port()}" if broken else place.server.address,
            "query": "up",
        },
    ),
    Case("sql", sql),
    Case("task", lambda place, broken: {"name": "absent.task" if broken else "looks"}),
    Case("pm2", lambda place, broken: {}),
    Case("host", lambda place, broken: {"disk": str(place.folder / "absent")} if broken else {}),
    Case("scripted", lambda place, broken: {}),
]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    def answers(path: str) -> bytes:
        return page(VALUE if path.startswith("/api/") else "Web shop")

    server = LocalServer(answers)
    made = Place(tmp_path, server)
    yield made
    for maker in made.makers:
        maker.close()
    server.close()


def make(place: Place, case: Case, *, broken: bool = False) -> Prober:
    target = place.target(broken=broken)
    if case.kind == "scripted":
        signals = signals_of_probe(target, Probe.model_validate({"name": "machine", "host": {}}))
        values = {signal.name: 1.0 for signal in signals}
        return ScriptedProber("machine", signals, place.clock, ["it is broken"] if broken else [values])
    table = case.table(place, broken)
    if case.kind == "pm2" and broken:
        place.program("pm2", "echo '[PM2] Spawning PM2 daemon'; exit 1")
    probe = Probe.model_validate({"name": "looked at", case.kind: table, "timeout": "20s"})
    tasks_file = place.file("tasks.py", TASKS) if case.kind == "task" else None
    return place.maker(target, tasks_file).prober(probe)


def test_every_kind_of_probe_is_held_to_this_suite() -> None:
    assert {case.kind for case in CASES} == {*KINDS, "scripted"}


@pytest.fixture(params=CASES, ids=lambda case: case.kind)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def test_it_yields_samples_of_its_declared_signals_and_of_no_other(place: Place, case: Case) -> None:
    prober = make(place, case)
    seen = []
    for _ in range(2):
        seen += prober.look()
        case.between(place)
    seen += prober.look()
    prober.close()
    declared = {signal.name for signal in prober.signals}
    assert {each.signal for each in seen} <= declared
    known = {each.signal for each in seen if each.value is not None}
    # What is counted from look to look needs time to pass, and the clock of this test stands still.
    assert known >= declared - {"looked at rate", "host cpu"}
    assert all(each.value is not None for each in seen), [each.why for each in seen]


def test_each_sample_has_its_time_and_its_source_and_fits_its_kind(place: Place, case: Case) -> None:
    prober = make(place, case)
    prober.look()
    case.between(place)
    samples = prober.look()
    prober.close()
    kinds = {signal.name: signal.kind for signal in prober.signals}
    sources = {signal.name: signal.source for signal in prober.signals}
    now = place.clock.now()
    assert samples
    for each in samples:
        assert each.at == now
        assert each.source == sources[each.signal]
        if kinds[each.signal] is SignalKind.OUTCOMES:
            assert each.value in (0.0, 1.0)
        assert tally([each], kinds[each.signal], now).n == 1
    window = make_window(now, 5, {name: [s for s in samples if s.signal == name] for name in kinds}, kinds)
    assert window == type(window).model_validate_json(window.model_dump_json())


def test_where_it_can_not_see_it_is_unknown_with_a_reason_and_never_zero(place: Place, case: Case) -> None:
    prober = make(place, case, broken=True)
    samples = prober.look()
    prober.close()
    assert samples
    if case.bad_when_broken:
        # A refused connection is what visitors meet, too: bad, and without a time.
        (only,) = samples
        assert only.value == 1.0
        assert "refused" in only.why
        return
    broken = [each for each in samples if each.value is None]
    if case.kind == "host":
        assert [each.signal for each in broken] == ["disk free"]
    else:
        assert {each.signal for each in broken} == {signal.name for signal in prober.signals}
        assert broken == samples
    assert all(each.why for each in broken)


def test_it_closes_more_than_once_and_without_a_look(place: Place, case: Case) -> None:
    prober = make(place, case)
    prober.close()
    prober.close()


def test_what_it_is_called_and_how_long_it_may_take(place: Place, case: Case) -> None:
    prober = make(place, case)
    assert prober.name
    assert prober.timeout > 0
    assert prober.dated_at_start is (case.kind in ("http", "flow"))
    prober.close()
