"""What the stored journal keeps to beside its contract: file, disk, other processes, a sudden end."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handrail.clock import Instant
from handrail.errors import StorageFault
from handrail.journal.base import JournalDamaged
from handrail.journal.filesystem import is_on_network, mount_of, refuse_network
from handrail.journal.schema import wal_is_sound
from handrail.journal.sqlite import SqliteJournal
from waiting import wait_for

NOW = Instant(wall=1_700_000_000.0, boot=1_000.0, boot_id="one")
APP = Path(__file__).parents[2] / "app"


def opened(path: Path, **options: Any) -> SqliteJournal:
    journal = SqliteJournal(path, **options)
    if not journal.runs():
        journal.open_run("r", "production", {"name": "operator"}, "a deploy", [{"type": "RunOpened"}], NOW)
    return journal


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


# Its file


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(opened(path)):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    path.chmod(0o644)
    with closing(opened(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_commit_is_synced_in_a_sound_mode(path: Path) -> None:
    with closing(opened(path)) as journal:
        assert journal.mode == ("wal" if wal_is_sound(sqlite3.sqlite_version_info) else "truncate")
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    with closing(SqliteJournal(path)) as again:
        assert again.mode == ("wal" if wal_is_sound(sqlite3.sqlite_version_info) else "truncate")
        assert again.last_seq("r") == 1


def test_a_journal_in_the_defective_mode_is_brought_out_of_it(path: Path) -> None:
    opened(path).close()
    with closing(raw(path)) as db:
        db.execute("PRAGMA journal_mode=wal")
    with closing(SqliteJournal(path)) as journal:
        assert journal.mode == ("wal" if wal_is_sound(sqlite3.sqlite_version_info) else "truncate")


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_wal_only_where_its_defect_is_mended(version: tuple[int, int, int], sound: bool) -> None:
    assert wal_is_sound(version) is sound


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{}'",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 1",
        (
            "INSERT OR REPLACE INTO events (run, seq, epoch, wall, boot, boot_id, type, body, hash) "
            "SELECT run, seq, epoch, wall, boot, boot_id, 'X', '{}', hash FROM events WHERE seq = 1"
        ),
        (
            "INSERT INTO events (run, seq, epoch, wall, boot, boot_id, type, body, hash) "
            "SELECT run, 9, epoch, wall, boot, boot_id, type, body, hash FROM events WHERE seq = 1"
        ),
        "UPDATE commands SET body = '{}'",
        "DELETE FROM commands",
        "INSERT OR REPLACE INTO commands SELECT * FROM commands",
    ],
)
def test_the_file_itself_refuses_to_be_rewritten(path: Path, statement: str) -> None:
    with closing(opened(path)) as journal:
        journal.submit("r", {}, {"type": "Abort"}, NOW, "t")
        before = journal.read("r"), journal.commands("r", 0)
        with closing(raw(path)) as db, pytest.raises(sqlite3.IntegrityError, match=r"only appended|never"):
            db.execute(statement)
        assert (journal.read("r"), journal.commands("r", 0)) == before


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE events SET body = replace(body, 'two', 'owt') WHERE seq = 2", "event 2 or the one before"),
        ("UPDATE events SET wall = wall + 1 WHERE seq = 3", "event 3 or the one before"),
        ("DELETE FROM events WHERE seq = 2", "event 2 is missing"),
        ("DELETE FROM events WHERE seq = 4", "4 events were written, the chain ends with 3"),
        ("UPDATE events SET type = 'Other' WHERE seq = 2", "event 2 is filed under another type"),
        ("UPDATE events SET body = 'no json' WHERE seq = 2", "body of event 2 can't be read"),
    ],
)
def test_what_was_changed_behind_its_back_is_found(path: Path, tampering: str, found: str) -> None:
    with closing(opened(path)) as journal:
        journal.append("r", 0, 1, [{"type": "N", "text": t} for t in ("two", "three", "four")], NOW)
        assert journal.verify("r") == []
        with closing(raw(path)) as db:
            db.execute("DROP TRIGGER events_are_not_changed")
            db.execute("DROP TRIGGER events_are_not_removed")
            db.execute(tampering)
        assert any(found in problem for problem in journal.verify("r"))
        with pytest.raises(JournalDamaged, match="The journal of run r was changed by hand, or is damaged"):
            journal.append("r", 0, 4, [{"type": "N"}], NOW)


# Files that can't be used


def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"deploy notes\n" * 400)
    before = path.read_bytes()
    with pytest.raises(StorageFault, match="holds something else") as fault:
        SqliteJournal(path)
    assert "Do now: move the file away" in str(fault.value)
    assert path.read_bytes() == before


def test_another_program_s_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(raw(path)) as db:
        db.execute("CREATE TABLE shop (id)")
    before = path.read_bytes()
    with pytest.raises(StorageFault, match="another program"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(path: Path) -> None:
    opened(path).close()
    with closing(raw(path)) as db:
        db.execute("PRAGMA user_version=2")
    with pytest.raises(StorageFault, match="newer handrail"):
        SqliteJournal(path)


def test_a_damaged_file_is_a_storage_fault(path: Path) -> None:
    with closing(opened(path)) as journal:
        journal.append("r", 0, 1, [{"type": "N", "text": "x" * 500}] * 60, NOW)
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    path.write_bytes(content)

    def use() -> None:
        with closing(SqliteJournal(path)) as journal:
            journal.read("r")
            journal.append("r", 0, journal.last_seq("r"), [{"type": "N"}], NOW)

    with pytest.raises(StorageFault, match="is damaged") as fault:
        use()
    assert ".recover" in str(fault.value)


def test_a_journal_that_was_deleted_under_its_user_is_said(path: Path) -> None:
    with closing(opened(path)) as journal:
        path.unlink()
        with pytest.raises(StorageFault, match="moved or deleted"):
            journal.append("r", 0, 1, [{"type": "N"}], NOW)


def test_a_missing_folder_is_a_storage_fault(tmp_path: Path) -> None:
    with pytest.raises(StorageFault, match="can't be opened"):
        SqliteJournal(tmp_path / "missing" / "journal.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_a_storage_fault(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageFault, match="can't be opened"):
        SqliteJournal(tmp_path / "journal.db")


def test_reading_alone_writes_nothing(path: Path) -> None:
    with pytest.raises(StorageFault, match="no journal"):
        SqliteJournal(path, read_only=True)
    assert not path.exists()
    opened(path).close()
    before = path.read_bytes()
    with closing(SqliteJournal(path, read_only=True)) as journal:
        assert journal.last_seq("r") == 1
        assert journal.verify("r") == []
        with pytest.raises(StorageFault, match="can't be written"):
            journal.append("r", 0, 1, [{"type": "N"}], NOW)
    assert path.read_bytes() == before


def test_a_full_disk_loses_nothing(path: Path) -> None:
    with closing(opened(path)) as journal:
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count={pages + 2}")  # SQLite's own way to a full disk
        with pytest.raises(StorageFault, match="disk is full") as fault:
            journal.append("r", 0, 1, [{"type": "N", "text": "x" * 100_000}], NOW)
        assert "nothing further was started" in str(fault.value)
        assert journal.verify("r") == []
        journal._db.execute("PRAGMA max_page_count=1000000")
        assert journal.append("r", 0, 1, [{"type": "N"}], NOW)[0].seq == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_really_full_disk_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        with closing(opened(disk / "journal.db")) as journal:
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file:
                while file.write(bytes(4096)) == 4096 and os.statvfs(disk).f_bavail:
                    pass
            with pytest.raises(StorageFault, match="disk is full"):
                journal.append("r", 0, 1, [{"type": "N", "text": "x" * 50_000}], NOW)
            assert journal.last_seq("r") == 1
            assert journal.verify("r") == []
            filler.unlink()
            assert journal.append("r", 0, 1, [{"type": "N", "text": "x" * 50_000}], NOW)[0].seq == 2
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_writer_that_holds_on_too_long_is_named_as_such(path: Path) -> None:
    with closing(opened(path, patience=timedelta(milliseconds=50))) as journal, closing(raw(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFault, match="held by another process"):
            journal.append("r", 0, 1, [{"type": "N"}], NOW)
        assert journal.last_seq("r") == 1  # reading goes on meanwhile
        other.execute("ROLLBACK")
        assert journal.append("r", 0, 1, [{"type": "N"}], NOW)


def test_one_thread_alone(path: Path) -> None:
    with closing(opened(path)) as journal:
        caught: list[BaseException] = []

        def elsewhere() -> None:
            try:
                journal.last_seq("r")
            except sqlite3.Error as error:
                caught.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert isinstance(caught[0], sqlite3.ProgrammingError)


# Where it lies

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/vdb /home/local\\040disk xfs rw 0 0
host:/x /srv/data fuse.sshfs rw 0 0
//host/share /mnt/share cifs rw 0 0
tmpfs /mnt/share/cache tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "point", "kind", "refused"),
    [
        ("/var/lib", "/", "ext4", False),
        ("/homes/x", "/", "ext4", False),
        ("/home/x", "/home", "nfs4", True),
        ("/home/local disk/x", "/home/local disk", "xfs", False),
        ("/srv/data", "/srv/data", "fuse.sshfs", True),
        ("/mnt/share/a", "/mnt/share", "cifs", True),
        ("/mnt/share/cache/a", "/mnt/share/cache", "tmpfs", False),
    ],
)
def test_a_filesystem_on_the_network_is_refused(folder: str, point: str, kind: str, refused: bool) -> None:
    assert mount_of(Path(folder), MOUNTS) == (point, kind)
    assert is_on_network(kind) is refused
    if refused:
        with pytest.raises(StorageFault, match="on the network") as fault:
            refuse_network(Path(folder) / "journal.db", MOUNTS)
        assert "HANDRAIL_STATE" in str(fault.value)
    else:
        refuse_network(Path(folder) / "journal.db", MOUNTS)


# Other processes

PRELUDE = """
import json, sys
from pathlib import Path
from handrail.clock import Instant
from handrail.journal.base import LockHeld, SequenceTaken
from handrail.journal.sqlite import SqliteJournal
journal = SqliteJournal(Path(sys.argv[1]))
me = sys.argv[2]
now = Instant(1.0, 1.0, "b")
def say(text):
    print(text, flush=True)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, *arguments],
        env={**os.environ, "PYTHONPATH": str(APP)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def race(code: str, path: Path) -> list[Any]:
    """Let two processes that are ready do the same at once; what each printed."""
    racers: Sequence[subprocess.Popen[str]] = [start(code, str(path), name) for name in ("a", "b")]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def test_of_two_processes_that_append_after_the_same_event_one_wins(path: Path) -> None:
    opened(path).close()
    rounds = 40
    code = f"""
say("ready"); sys.stdin.readline()
won = []
for seq in range(1, {rounds} + 1):
    try:
        journal.append("r", 0, seq, [{{"type": "N", "by": me}}], now)
        won.append(seq)
    except SequenceTaken:
        pass
    while journal.last_seq("r") <= seq:
        pass
say(json.dumps(won))
"""
    first, second = race(code, path)
    assert sorted(first + second) == list(range(1, rounds + 1))
    with closing(SqliteJournal(path)) as journal:
        assert journal.verify("r") == []
        assert [r.body["by"] for r in journal.read("r", 1)] == [
            "a" if seq in first else "b" for seq in range(1, rounds + 1)
        ]


def test_of_two_processes_that_want_the_lock_one_wins(path: Path) -> None:
    # The file itself is new as well, so that both also race to make it.
    code = """
say("ready"); sys.stdin.readline()
won = []
for turn in range(15):
    try:
        journal.open_run(f"{me}-{turn}", f"target-{turn}", {"name": me}, "w", [{"type": "RunOpened"}], now)
        won.append(turn)
    except LockHeld as held:
        assert held.lock.holder["name"] != me
say(json.dumps(won))
"""
    first, second = race(code, path)
    assert sorted(first + second) == list(range(15))
    with closing(SqliteJournal(path)) as journal:
        assert len(journal.locks()) == len(journal.runs()) == 15


def test_a_writer_killed_in_the_middle_loses_nothing_that_it_was_told_is_safe(path: Path) -> None:
    opened(path).close()
    code = """
seq = 1
while True:
    journal.append("r", 0, seq, [{"type": "N", "text": "x" * (seq * 37 % 9000)}] * 3, now)
    seq += 3
    say(seq)
"""
    for _ in range(3):
        with closing(SqliteJournal(path)) as journal:
            begun = journal.last_seq("r")
        with start(code.replace("seq = 1", f"seq = {begun}", 1), str(path), "w") as writer:
            assert writer.stdout is not None
            lines = [int(writer.stdout.readline()) for _ in range(25)]
            writer.send_signal(signal.SIGKILL)
            # By the same reader: `communicate` would leave out what came along with the last line.
            lines += [int(line) for line in writer.stdout]
        with closing(SqliteJournal(path)) as journal:
            assert journal.last_seq("r") in (lines[-1], lines[-1] + 3)
            assert journal.verify("r") == []


def test_a_reader_follows_a_writer_in_another_process(path: Path) -> None:
    opened(path).close()
    code = """
say("ready"); sys.stdin.readline()
for seq in range(1, 101):
    journal.append("r", 0, seq, [{"type": "N"}], now)
say("[]")
"""
    writer = start(code, str(path), "w")
    try:
        with closing(SqliteJournal(path, read_only=True)) as journal:
            assert writer.stdin is not None
            seen, version = 0, journal.data_version()
            writer.stdin.write("go\n")
            writer.stdin.flush()
            got: list[int] = []

            def follow() -> bool:
                nonlocal seen, version
                if (now := journal.data_version()) != version:
                    version = now
                    got.extend(record.seq for record in journal.read("r", seen))
                    seen = got[-1]
                return seen == 101

            wait_for(follow, "the last event")
            assert got == list(range(1, 102))
    finally:
        writer.communicate(timeout=60)


@pytest.mark.parametrize("column", ["issuer", "body"])
@pytest.mark.parametrize("value", ["", "{", "[" * 100_000, b"\xff\xfe", 7, 1.5])
def test_a_row_that_can_not_be_read_says_so_and_hides_no_other(
    path: Path, column: str, value: object
) -> None:
    with closing(opened(path)) as journal:
        values = {"issuer": "{}", "body": "{}", "wall": "x", "boot": b"", "boot_id": b"\xff", column: value}
        with closing(raw(path)) as db, db:
            db.execute(
                "INSERT INTO commands (run, issuer, body, wall, boot, boot_id, token) "
                "VALUES ('r', :issuer, :body, :wall, :boot, :boot_id, x'ff')",
                values,
            )
        journal.submit("r", {}, {"type": "Abort"}, NOW, "t")
        broken, sound = journal.commands("r", 0)
        readable = isinstance(value, int | float)
        assert bool(broken.problem) is not readable
        assert (sound.problem, sound.body) == ("", {"type": "Abort"})
