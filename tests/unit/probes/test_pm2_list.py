"""What `pm2 jlist` says, without what nobody may see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handrail.probes import pm2_list
from handrail.probes.pm2_list import Instance, NotAList, parse

SECRET = "a-password-in-the-environment"


def entry(**more: Any) -> dict[str, Any]:
    environment = {
        "status": "online",
        "restart_time": 2,
        "pm_uptime": 1_700_000_000_000,
        "version": "1.2.3",
        "pm_out_log_path": "/logs/out.log",
        "pm_err_log_path": "/dev/null",
        "DATABASE_URL": SECRET,
        "env": {"SECRET": SECRET},
    }
    return {
        "name": "shop",
        "pm_id": 0,
        "pid": 10,
        "monit": {"memory": 1024},
        "pm2_env": environment | more.pop("pm2_env", {}),
    } | more


def instance(number: int = 0, **more: Any) -> Instance:
    values: dict[str, Any] = {
        "name": "shop",
        "id": number,
        "pid": 10 + number,
        "status": "online",
        "restarts": 0,
        "started": 0.0,
        "memory": 0,
        "version": "",
        "out_log": None,
        "error_log": None,
    }
    return Instance(**values | more)


@pytest.mark.parametrize(
    "before",
    ["", "[PM2] Spawning PM2 daemon with pm2_home=/x\n[PM2] PM2 Successfully daemonized\n", ">>> [1, 2]\n"],
)
@pytest.mark.parametrize("after", ["", "\n", "\n[PM2] done"])
def test_a_banner_is_no_hindrance(before: str, after: str) -> None:
    assert [i.pid for i in parse(before + json.dumps([entry()]) + after)] == [10]


def test_nothing_of_the_environment_is_kept() -> None:
    (found,) = parse(json.dumps([entry()]))
    assert SECRET not in repr(found)
    assert SECRET not in "\n".join(pm2_list.table([found], 0))
    assert (found.restarts, found.memory, found.out_log, found.error_log) == (
        2,
        1024,
        Path("/logs/out.log"),
        None,
    )


def test_an_empty_list_is_a_list() -> None:
    assert parse("[]") == ()


@pytest.mark.parametrize("text", ["", "[PM2] error", '{"a": 1}', '[{"name": "x"}]', "[1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NotAList):
        parse(text)


def test_a_stopped_process_has_no_pid() -> None:
    (found,) = parse(json.dumps([entry(pid=0, pm2_env={"status": "errored"}, monit=None)]))
    assert not found.online
    assert "-" in pm2_list.table([found], 0)[1].split()


@pytest.mark.parametrize(
    ("names", "kept"), [((), ["shop", "worker"]), (("worker",), ["worker"]), (("other",), [])]
)
def test_processes_of_the_target(names: tuple[str, ...], kept: list[str]) -> None:
    everything = [instance(0), instance(1, name="worker"), instance(2, name="pm2-logrotate")]
    assert [i.name for i in pm2_list.of_target(everything, names)] == kept


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([instance()], [instance()], []),
        ([instance()], [instance(restarts=1)], ["shop 0 was restarted (0 → 1 restarts)"]),
        ([instance()], [instance(pid=99)], ["shop 0 has another pid (10 → 99)"]),
        ([instance()], [instance(status="launching")], ["shop 0 is launching"]),
        ([instance(), instance(1)], [instance()], ["shop 1 is gone"]),
        ([instance()], [instance(), instance(1)], ["shop 1 is new"]),
    ],
)
def test_what_is_not_steady(before: list[Instance], after: list[Instance], said: list[str]) -> None:
    assert pm2_list.unsteady(before, after) == said


def test_log_sizes_of_files_that_may_not_be_there_yet(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"12345")
    found = [instance(out_log=tmp_path / "out", error_log=tmp_path / "error")]
    assert pm2_list.log_sizes(found) == {str(tmp_path / "error"): 0, str(tmp_path / "out"): 5}


def test_one_variable_of_the_targets_own_processes_can_be_asked_for() -> None:
    listed = [
        entry(pm2_env={"env": {"GIFTS": "on", "PORT": 80}}),
        entry(pm_id=1),
        entry(pm_id=2, name="other", pm2_env={"env": {"GIFTS": "on"}}),
        entry(pm_id=3, pm2_env={"env": None}),
    ]
    text = "a banner [not a list]\n" + json.dumps(listed)
    assert pm2_list.variable(text, ["shop"], "GIFTS") == ["on", None, None]
    assert pm2_list.variable(text, ["shop"], "PORT") == ["80", None, None]
    assert pm2_list.variable(text, [], "GIFTS") == ["on", None, "on", None]
    assert pm2_list.variable(text, ["nobody"], "GIFTS") == []
    assert pm2_list.variable("no list", ["shop"], "GIFTS") == []
