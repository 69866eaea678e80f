"""The shop's own troubles: a dirty checkout, taken ports, a database that is down, a dead webhook.

In this order, one sandbox serves all of them: each test leaves production open and at v1.2.3.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from e2e.faults.disk import SmallDisk
from handrail.run import events as e
from handrail.run.events import Purpose, read_event
from handrail.run.state import StepStatus
from sandbox_fixture import Shop, silent
from waiting import wait_for

pytestmark = pytest.mark.e2e
ANNOUNCE = """
### Server error
```yaml step
announce: first
```
### Gone
```yaml step
announce: second
```
### Silence
```yaml step
announce: third
```
### Then
```bash
echo then
```
"""
BACKUP = """
### Back up
```yaml step
task: database.backup
```
### Migrate
```yaml step
task: database.migrate
gate: [{check: database.backed_up, with: {backup: "${facts.backup}", sha256: "${facts.backup_sha256}"}}]
```
"""
MIGRATE = """
### Look
```yaml step
check: database.pending
```
### Migrate
```yaml step
task: database.migrate
gate: [database.reachable]
probe: database.applied
```
"""
RESTART = """
### Restart
```yaml step
task: pm2.reload
```
### Served
```yaml step
check: pm2.verify
with: {version: v1.2.3, pids_before: "${facts.pids_before}"}
```
"""
CHECKOUT = """
### Check out
```yaml step
task: git.checkout
with: {ref: v1.3.0}
undo:
  runbook: rollback-code
  with: {release: "${facts.previous_release}"}
```
### Look around
```yaml step
attest: it looks right
```
"""


@contextmanager
def taken(port: int) -> Iterator[None]:
    """A port of this machine in the hands of another program."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_for(lambda: _bound(other, port), f"port {port} to become free")
        other.listen()
        yield


def _bound(other: socket.socket, port: int) -> bool:
    try:
        other.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


@contextmanager
def database_down(shop: Shop) -> Iterator[None]:
    """PostgreSQL killed at once, as by a machine that lost its power; up again afterwards."""
    kill_database(shop)
    try:
        yield
    finally:
        shop.sandbox.up(silent)


def kill_database(shop: Shop) -> None:
    """Have PostgreSQL end at once, with every process of it."""
    for server in shop.record.living("database"):
        server.signal(signal.SIGQUIT)
        wait_for(lambda server=server: not server.is_alive(), "the end of PostgreSQL")


@pytest.mark.long
def test_a_channel_that_fails_delays_no_step_and_is_told_apart(
    shop_desk: Desk, open_shop: Shop, runbook: Callable[[str], Path]
) -> None:
    mode = open_shop.sandbox.layout.webhook_mode
    try:
        mode.write_text("500")
        with shop_desk.at_screen("run", str(runbook(ANNOUNCE)), "--plain") as screen:
            screen.types("run")
            screen.shows("on its way to the channel; the run goes on meanwhile")
            screen.shows("Next: Gone")
            screen.shows(
                "could not be told yet: The announcement was not posted to #deployments: the webhook"
            )
            screen.shows("It is tried again")
            mode.unlink()
            screen.shows("The team's channel has been told now", seconds=40)
            mode.write_text("404")
            screen.types("run")
            screen.shows("Next: Silence")
            screen.shows("the webhook answered 404 (no_service)")
            screen.shows("Post it by hand: ")
            mode.write_text("hang")
            screen.types("run")
            screen.shows("was perhaps told: The announcement was perhaps posted")
            screen.shows("Look into the channel before you post it by hand")
            screen.types("status")
            screen.shows("Announcement not delivered: ")
            screen.shows("Announcement perhaps delivered: ")
            screen.types("run")
            assert screen.ends() == 0
    finally:
        mode.unlink(missing_ok=True)
    # 500 is tried four times and then later, 404 once; what was perhaps posted is never posted again unasked.
    assert [post["status"] for post in open_shop.posts()] == [500] * 4 + [200, 404, None]
    shop_desk.nothing_lost()


def test_a_backup_on_a_full_disk_leaves_no_half_dump_and_nothing_is_migrated(
    tmp_path: Path, open_shop: Shop, small_disk: SmallDisk, project: Path, runbook: Callable[[str], Path]
) -> None:
    text = open_shop.sandbox.project_file.read_text()
    where = f'backups = "{small_disk.folder / "dumps"}"\nmigrations ='
    assert "\nmigrations =" in text
    (project / "handrail.toml").write_text(text.replace("migrations =", where, 1))
    (small_disk.folder / "dumps").mkdir()
    desk = Desk(tmp_path, project)
    try:
        small_disk.fill()
        desk.auto(runbook(BACKUP)).says(
            "There is no backup: the disk of",
            "is full",
            "nothing was migrated",
            "Do now: make room on it",
            code=1,
        )
        assert list((small_disk.folder / "dumps").iterdir()) == []
        assert desk.step("steps/migrate").attempts == ()
        small_disk.free()
        desk.type("retry", "wait", "run", "wait").says("fact backup = ", "The run is finished", code=0)
        desk.nothing_lost()
    finally:
        desk.end()


def test_a_database_that_is_down_holds_the_migration_until_it_is_back(
    shop_desk: Desk, open_shop: Shop, runbook: Callable[[str], Path]
) -> None:
    desk = shop_desk
    with database_down(open_shop):
        desk.auto(runbook(MIGRATE)).says(
            "The database can't be asked: connection to server",
            "Connection refused",
            "Still safe: nothing was changed in it",
            "Do now: see whether PostgreSQL runs",
            "The run stays open",
            code=1,
        )
    desk.type("retry", "wait").says("Passed: Look", "Next: Migrate", code=3)
    with database_down(open_shop):
        desk.type("run", "wait").says(
            "The check database.reachable says fail: The database can't be asked: connection to server",
            "> retry, waive CHECK REASON",
            code=3,
        )
        assert desk.step("steps/migrate").status is StepStatus.HELD
        assert len(desk.locks()) == 1
    desk.type("retry", "wait").says("says pass", "Passed: Migrate", "The run is finished", code=0)
    desk.nothing_lost()


def test_a_taken_port_keeps_the_sandbox_down_and_names_its_holder(shop_desk: Desk, open_shop: Shop) -> None:
    (proxy,) = open_shop.record.living("proxy")
    port = open_shop.record.ports["public"]
    proxy.signal(signal.SIGTERM)
    at = ("--at", str(open_shop.sandbox.layout.root))
    with taken(port):
        shop_desk.call("sandbox", "up", *at).says(
            f"Port {port} on 127.0.0.1, which the sandbox's proxy uses, is taken by another program",
            "that program wasn't touched",
            "handrail sandbox reset --new-ports",
            code=1,
        )
    shop_desk.call("sandbox", "up", *at).says("Production serves 1.2.3", code=0)


def test_a_dirty_checkout_is_refused_by_name_and_the_way_back_waits_for_no_dead_webhook(
    shop_desk: Desk, open_shop: Shop, runbook: Callable[[str], Path]
) -> None:
    desk, shop = shop_desk, open_shop
    with (shop.production / "src" / "app.js").open("a") as file:
        file.write("// a fix that nobody committed\n")
    desk.auto(runbook(CHECKOUT)).says(
        "has local changes, which a deployment would lose or mix in",
        "M src/app.js",
        "Still safe: nothing was changed",
        "Do now: look at them with `git diff`",
        "The run stays open",
        code=1,
    )
    assert "nobody committed" in (shop.production / "src" / "app.js").read_text()
    shop.run("git", "stash")
    desk.type("retry", "wait").says("Passed: Check out", code=3)
    assert desk.run().facts["previous_release"] == "v1.2.3"
    # The channel hangs: it takes the notice ten seconds to find that out.
    shop.sandbox.layout.webhook_mode.write_text("hang")
    try:
        said = desk.call("rollback", "--confirm", "production", "--reason", "it looks wrong")
        said.says(
            "v1.2.3", "The team's channel was perhaps told: The announcement was perhaps posted", code=1
        )
    finally:
        shop.sandbox.layout.webhook_mode.unlink()
        shop.run("git", "stash", "drop")
    assert shop.version() == "1.2.3"
    assert shop.run("git", "describe", "--tags", "HEAD").strip() == "v1.2.3"
    assert desk.locks() == []
    order = _order_of_attempts(desk)
    notice = next(number for number, (what, _) in order.items() if what is Purpose.NOTICE)
    undo = next(number for number in order if number > notice)
    assert order[undo][1][0] < order[notice][1][1], "the first undo waited for the notice"
    desk.nothing_lost()


def _order_of_attempts(desk: Desk) -> dict[int, tuple[Purpose, list[int]]]:
    """For each attempt what it was for, and the numbers of the events of its start and its end."""
    found: dict[int, tuple[Purpose, list[int]]] = {}
    with desk.journal() as journal:
        for record in journal.read(desk.runs()[0]):
            event = read_event(record.body)
            if isinstance(event, e.AttemptStarted):
                found[event.attempt] = (event.purpose, [record.seq])
            elif isinstance(event, e.AttemptEnded):
                found[event.attempt][1].append(record.seq)
    return found


@pytest.mark.long
def test_an_application_whose_port_is_taken_is_not_called_restarted(
    shop_desk: Desk, open_shop: Shop, runbook: Callable[[str], Path]
) -> None:
    desk, shop = shop_desk, open_shop
    pm2 = [*shop.target.pm2.program]
    shop.run(*pm2, "delete", "shop", "--silent")
    with taken(shop.record.ports["app"]):
        said = desk.auto(runbook(RESTART))
        said.says(
            "Served failed: shop 0 is", "its log ends: ", "EADDRINUSE", "have pm2 start it anew", code=1
        )
    shop.run(*pm2, "delete", "shop", "--silent")
    shop.reload()
    desk.type("retry", "wait").says("Passed: Served", "The run is finished", code=0)
    assert shop.version() == "1.2.3"
    desk.nothing_lost()


def test_a_database_that_dies_under_a_migration_leaves_a_doubt_that_is_named(
    shop_desk: Desk, open_shop: Shop, runbook: Callable[[str], Path]
) -> None:
    desk, shop = shop_desk, open_shop
    shop.run("git", "checkout", "--quiet", "--detach", "v1.3.0")
    try:
        database = shop.target.database
        assert database is not None
        assert database.programs is not None
        # Another session holds the table, so that the migration is in the server when that dies.
        held = "begin; lock table orders; select pg_sleep(60)"
        with subprocess.Popen(
            [str(database.programs / "psql"), "-Xq", "-d", database.url.reveal(), "-c", held],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ):
            locked = "select count(*) from pg_locks where relation = 'orders'::regclass and granted"
            wait_for(lambda: shop.sql(locked) != "0", "the table to be held")
            with desk.at_screen("run", str(runbook(MIGRATE)), "--plain") as screen:
                screen.types("run")
                screen.shows("Next: Migrate")
                screen.types("run")
                screen.shows("> - 1710000000000_add-gift-note")
                kill_database(shop)
                screen.shows("What became of the schema isn't known")
                screen.shows("Do now: see that the database answers, then retry")
                screen.shows("> retry")
                shop.sandbox.up(silent)
                screen.types("retry")
                screen.shows("Passed: Migrate")
                assert screen.ends() == 0
        assert shop.sql("select count(*) from pgmigrations") == "2"
        desk.nothing_lost()
        shop.run("node", "scripts/migrate.js", "down")
    finally:
        shop.run("git", "checkout", "--quiet", "--detach", "v1.2.3")
        shop.sandbox.up(silent)
