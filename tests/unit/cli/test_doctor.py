"""What the doctor says of machines that are not well: one table row for each way to be ill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from handrail.cli.commands.doctor import lines_of
from handrail.cli.doctor.findings import Facts, Finding, Level, findings

WELL = Facts(
    user="deploy",
    is_root=False,
    sqlite_version=(3, 51, 3),
    state_root=Path("/var/lib/handrail"),
    state_exists=True,
    state_mode=0o700,
    journal_mode="wal",
    filesystem="ext4",
    free_bytes=50_000_000_000,
    kill_user_processes=False,
    term="xterm-256color",
    size=(120, 40),
    clock_synchronised=True,
    project_file=Path("/srv/shop/handrail.toml"),
    found_programs=("git", "node"),
)
ILL = [
    ("SQLite", Level.BAD, {"sqlite_version": (3, 45, 0)}, "newer SQLite"),
    ("SQLite", Level.OK, {"sqlite_version": (3, 45, 0), "journal_mode": "rollback-journal"}, ""),
    ("journal", Level.BAD, {"journal_fault": "run-1: event 3 was changed"}, "mend"),
    ("state directory", Level.BAD, {"state_writable": False}, "HANDRAIL_STATE"),
    ("state directory", Level.BAD, {"state_is_ours": False}, "HANDRAIL_STATE"),
    ("state directory", Level.WARN, {"state_mode": 0o755}, "chmod 700 /var/lib/handrail"),
    ("state directory", Level.OK, {"state_exists": False}, ""),
    ("filesystem", Level.BAD, {"filesystem": "nfs4"}, "HANDRAIL_STATE"),
    ("filesystem", Level.BAD, {"filesystem": "fuse.sshfs"}, "HANDRAIL_STATE"),
    ("disk", Level.BAD, {"free_bytes": 10_000_000}, "1 GB"),
    ("disk", Level.WARN, {"free_bytes": 500_000_000}, "1 GB"),
    ("logout", Level.BAD, {"kill_user_processes": True}, "loginctl enable-linger deploy"),
    ("logout", Level.OK, {"kill_user_processes": True, "lingers": True}, ""),
    ("logout", Level.WARN, {"kill_user_processes": True, "is_root": True}, "KillExcludeUsers"),
    ("logout", Level.OK, {"kill_user_processes": None}, ""),
    ("ssh-agent", Level.WARN, {"over_ssh": True, "agent_socket": "/tmp/ssh-x/agent.1"}, "deploy key"),
    ("terminal", Level.WARN, {"term": "dumb"}, "TERM"),
    ("terminal", Level.WARN, {"size": (30, 10)}, "80 by 24"),
    ("terminal", Level.OK, {"size": (60, 20)}, ""),
    ("terminal", Level.OK, {"is_terminal": False}, ""),
    ("locale", Level.WARN, {"encoding": "ANSI_X3.4-1968"}, "C.UTF-8"),
    ("clock", Level.BAD, {"year": 1970}, "clock"),
    ("clock", Level.WARN, {"clock_synchronised": False}, "set-ntp"),
    ("boot clock", Level.WARN, {"has_boot_clock": False}, "sleeps"),
    ("project", Level.BAD, {"project_fault": "handrail.toml has 2 problems"}, "handrail.toml"),
    ("project", Level.WARN, {"project_file": None}, "--project"),
    ("programs", Level.BAD, {"missing_programs": (("pm2", "the target production"),)}, "handrail.toml"),
]


def found(facts: Facts) -> dict[str, Finding]:
    worst = [Level.OK, Level.WARN, Level.BAD]
    by_check: dict[str, Finding] = {}
    for each in findings(facts):
        if each.check not in by_check or worst.index(each.level) > worst.index(by_check[each.check].level):
            by_check[each.check] = each
    return by_check


def test_a_machine_that_is_well() -> None:
    assert {each.level for each in findings(WELL)} == {Level.OK}


@pytest.mark.parametrize(("check", "level", "facts", "mend"), ILL)
def test_an_ill_machine_is_named_with_its_mend(check, level, facts, mend) -> None:
    finding = found(replace(WELL, **facts))[check]
    assert finding.level is level
    assert mend in finding.mend
    others = [each for name, each in found(replace(WELL, **facts)).items() if name != check]
    assert all(each.level is Level.OK for each in others)


def test_an_agent_without_ssh_is_nobodys_business() -> None:
    assert "ssh-agent" not in found(replace(WELL, agent_socket="/run/user/1000/agent"))


def test_a_finding_for_people_holds_no_control_characters() -> None:
    lines = lines_of(Finding("project", Level.BAD, "one\n\x1b[2Jtwo", "mend \x07it"))
    assert lines == ["bad   project: one", "        ␛[2Jtwo", "      mend: mend ␇it"]


def test_findings_can_be_written_as_json() -> None:
    from msgspec.structs import asdict

    assert json.loads(json.dumps([asdict(each) for each in findings(WELL)]))[0]["level"] == "ok"
