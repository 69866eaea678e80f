"""A deployment by tasks alone, on the real parts: npm, pm2, PostgreSQL, proxy."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import ExitCode
from handrail.processes import ProcessIdentity
from handrail.project.model import Secret, Target
from sandbox_fixture import Shop
from waiting import wait_for

pytestmark = pytest.mark.e2e
CREATED = "1700000000000_create-orders"
NOTED = "1710000000000_add-gift-note"
DROPPED = "1720000000000_drop-coupon"
LOCK = 7241865325823964  # node-pg-migrate's own


def hurried(target: Target, **more: Any) -> Target:
    pm2 = target.pm2.model_copy(update={"settle": target.pm2.settle * 0.4})
    return target.model_copy(update={"pm2": pm2} | more)


@pytest.fixture
def deploy(begin, shop: Shop):
    """Deploys a release by the tasks of the runbook, up to the restart; the facts of all steps."""

    def go(ref: str) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for name, arguments in (
            ("git.checkout", {"ref": ref}),
            ("node.build", {}),
            ("database.pending", {}),
            ("database.backup", {"name": ref}),
            ("database.migrate", {}),
            ("pm2.reload", {}),
        ):
            done = begin(name, arguments, shop.target, environment={"BUILD_PACE_MS": "0"})
            assert done.code == 0, done.log
            facts |= done.facts
        return facts

    return go


@pytest.mark.long
def test_a_good_release_and_the_way_back(begin, shop: Shop, deploy) -> None:
    target = hurried(shop.target)
    for name, arguments in (("maintenance.enable", {}), ("maintenance.verify", {"up": True})):
        assert begin(name, arguments, target).code == 0
    facts = deploy("v1.3.0")
    assert (facts["schema_before"], facts["pending_migrations"]) == (CREATED, NOTED)
    assert facts["destructive"] is False
    assert facts["schema_after"] == NOTED
    assert facts["previous_release"] == "v1.2.3"
    assert facts["backup_bytes"] == Path(facts["backup"]).stat().st_size
    arguments = {"commit": facts["commit"], "pids_before": facts["pids_before"]}
    assert begin("pm2.verify", arguments, target).verdict == "pass"
    for name, arguments in (
        ("smoke.logs", {"since": facts["log_offsets"]}),
        ("smoke.homepage", {}),
        ("smoke.flows", {}),
        ("database.applied", {}),
        ("database.backed_up", {"backup": facts["backup"], "sha256": facts["backup_sha256"]}),
    ):
        assert begin(name, arguments, target).verdict == "pass", name
    done = begin("monitor.watch", {"duration": "2s", "every": "1s"}, target)
    assert done.verdict in ("unknown", "fail"), "too few samples, and maintenance is still on"
    for name, arguments in (("maintenance.disable", {}), ("maintenance.verify", {"up": False})):
        assert begin(name, arguments, target).code == 0
    watched = begin("monitor.watch", {"duration": "6s", "every": "0s"}, target)
    assert (watched.verdict, watched.code) == ("pass", 0), watched.log
    assert watched.log.count(" good ") >= 5

    back = begin("git.checkout", {"ref": facts["previous_release"]}, target)
    assert back.code == 0
    for name in ("node.install", "node.build"):
        assert begin(name, {}, target, environment={"BUILD_PACE_MS": "0"}).code == 0
    restarted = begin("pm2.reload", {}, target)
    arguments = {
        "version": "v1.2.3",
        "commit": back.facts["commit"],
        "pids_before": restarted.facts["pids_before"],
    }
    assert begin("pm2.verify", arguments, target).verdict == "pass"
    assert shop.version() == "1.2.3"


def test_a_bad_release_fails_its_smoke_tests(begin, shop: Shop, deploy) -> None:
    facts = deploy("v1.3.1")
    done = begin("smoke.flow", {"name": "checkout"}, shop.target)
    assert (done.verdict, done.code) == ("fail", 1)
    assert "status 500 instead of 200" in done.log
    assert begin("smoke.flow", {"name": "login"}, shop.target).verdict == "pass"
    logs = wait_for(
        lambda: (d := begin("smoke.logs", {"since": facts["log_offsets"]}, shop.target)).code and d,
        "the error in the log",
    )
    assert logs.verdict == "fail"
    assert "ERROR" in logs.log
    assert begin("smoke.flow", {"name": "nonsense"}, shop.target).code == 2


def test_a_destructive_migration_is_taken_back_before_the_code(begin, shop: Shop, deploy) -> None:
    facts = deploy("v1.4.0")
    assert facts["destructive"] is True
    assert "DROP COLUMN coupon" in facts["why"]
    down = {"to": facts["schema_before"]}
    done = begin("database.migrate_down", down, shop.target)
    assert done.code == 0, done.log
    assert done.facts["schema_after"] == CREATED
    assert "coupon" in shop.sql(
        "select column_name from information_schema.columns where table_name='orders'"
    )
    again = begin("database.migrate_down", down, shop.target)
    assert again.code == 0
    assert "Nothing to take back" in again.log
    assert begin("database.applied", {}, shop.target).verdict == "fail"


def test_rows_that_the_checkout_does_not_know(begin, shop: Shop, deploy) -> None:
    deploy("v1.4.0")
    assert begin("git.checkout", {"ref": "v1.2.3"}, shop.target).code == 0
    done = begin("database.migrate_down", {"to": CREATED}, shop.target)
    assert done.code == ExitCode.REFUSED
    assert "This checkout has no file for" in done.log
    done = begin("database.applied", {}, shop.target)
    assert done.verdict == "pass"
    assert "unknown to this checkout" in done.log
    done = begin("database.migrate_down", {"to": "gone"}, shop.target)
    assert "no migration 'gone'" in done.log


def background_sql(shop: Shop, statement: str) -> subprocess.Popen[bytes]:
    database = shop.target.database
    assert database is not None
    assert database.programs is not None
    argv = [str(database.programs / "psql"), "-XqAt", "-d", database.url.reveal(), "-c", statement]
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_a_migration_that_goes_on_without_its_client(begin, shop: Shop) -> None:
    session = background_sql(shop, f"select pg_advisory_lock({LOCK}), pg_sleep(120)")
    try:
        held = "select count(*) from pg_locks where locktype = 'advisory' and granted"
        wait_for(lambda: shop.sql(held) == "1", "the lock")
        session.send_signal(signal.SIGKILL)
        session.wait()
        assert begin("git.checkout", {"ref": "v1.3.0"}, shop.target).code == 0
        done = begin("database.migrate", {}, shop.target)
        assert done.code == ExitCode.REFUSED
        assert "Another session changes this database's schema" in done.log
        assert "npm run" not in done.log
        done = begin("database.applied", {}, shop.target)
        assert (done.verdict, done.code) == ("unknown", 1)
    finally:
        shop.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(120)%'"
            " and pid <> pg_backend_pid()"
        )


def test_a_blocked_migration_gives_up_cleanly(begin, shop: Shop) -> None:
    assert begin("git.checkout", {"ref": "v1.3.0"}, shop.target).code == 0
    session = background_sql(shop, "begin; select count(*) from orders; select pg_sleep(121)")
    try:
        asleep = (
            "select count(*) from pg_stat_activity where query like '%pg_sleep(121)%' and state = 'active'"
        )
        wait_for(lambda: shop.sql(asleep + " and pid <> pg_backend_pid()") == "1", "the open transaction")
        done = begin("database.migrate", {}, shop.target)
        assert done.code == 1
        assert f"the schema is still at {CREATED}" in done.log
        assert "lock timeout" in done.log
    finally:
        shop.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(121)%'"
            " and pid <> pg_backend_pid()"
        )
        session.wait(20)


def test_a_database_that_is_down_and_a_wrong_password(begin, shop: Shop) -> None:
    assert shop.target.database is not None
    url = shop.target.database.url.reveal()
    for wrong, said in (
        (url.replace(":", ":x", 2).replace("postgresql:x", "postgresql:"), "refuses this password"),
        (url.rpartition(":")[0] + ":1/shop", "whether PostgreSQL runs"),
    ):
        database = shop.target.database.model_copy(update={"url": Secret(value=wrong)})
        done = begin("database.reachable", {}, shop.target.model_copy(update={"database": database}))
        assert (done.verdict, done.code) == ("fail", 1)
        assert said in done.log
        assert wrong not in done.log


def test_a_pg_dump_of_another_version_leaves_no_backup(begin, shop: Shop, tmp_path: Path) -> None:
    assert shop.target.database is not None
    assert shop.target.database.programs is not None
    others = [
        p
        for p in shop.target.database.programs.parent.parent.glob("pginstall*/bin")
        if p != shop.target.database.programs
    ]
    if not others:
        pytest.skip("only one PostgreSQL is installed")
    database = shop.target.database.model_copy(
        update={"programs": others[0], "backups": tmp_path / "backups"}
    )
    shop.run("git", "checkout", "--quiet", "--detach", "v1.3.0")
    done = begin("database.backup", {}, shop.target.model_copy(update={"database": database}))
    assert done.code == 1
    assert "There is no backup" in done.log
    assert "server version mismatch" in done.log
    assert "database.programs" in done.log
    assert not list((tmp_path / "backups").glob("*.dump"))
    assert (
        begin("database.backed_up", {}, shop.target.model_copy(update={"database": database})).verdict
        == "fail"
    )


def test_the_daemon_that_a_step_starts_holds_nothing_of_it(begin, shop: Shop, tmp_path: Path) -> None:
    home = tmp_path / "pm2"
    target = shop.target.model_copy(update={"pm2": shop.target.pm2.model_copy(update={"home": home})})
    done = begin("pm2.status", {}, target, environment={"A_SECRET": "s", "HANDRAIL_RUN": "r"})
    daemon = ProcessIdentity.of(int((home / "pm2.pid").read_text()))
    assert daemon is not None
    try:
        assert done.code == 1
        assert "pm2 keeps no process of this application" in done.log
        process = Path("/proc") / str(daemon.pid)
        if process.is_dir():
            variables = (process / "environ").read_bytes().decode().split("\0")
            assert not [v for v in variables if v.startswith(("A_SECRET", "HANDRAIL"))]
            held = [str(fd.readlink()) for fd in (process / "fd").iterdir()]
            assert not [path for path in held if str(done.folder) in path]
        assert os.getpgid(daemon.pid) != os.getpgid(0)
    finally:
        daemon.signal(signal.SIGTERM)
        wait_for(lambda: not daemon.is_alive(), "the daemon's end")


def test_processes_from_before_the_restart_are_told_from_new_ones(begin, shop: Shop) -> None:
    status = begin("pm2.status", {}, shop.target)
    assert status.verdict == "pass"
    pid = status.log.splitlines()[2].split()[2]
    done = begin("pm2.verify", {"pids_before": pid}, hurried(shop.target))
    assert done.verdict == "fail"
    assert f"still run: pid {pid}" in done.log


def test_a_crash_loop_is_found(begin, shop: Shop) -> None:
    (shop.production / "dist" / "server.js").write_text(
        "if (process.send) process.send('ready');\n"
        "setTimeout(() => { throw new Error('late crash') }, 1500);\n"
    )
    begin("pm2.reload", {}, shop.target)
    done = begin("pm2.verify", {}, shop.target)
    assert done.verdict == "fail"
    assert "late crash" in done.log
