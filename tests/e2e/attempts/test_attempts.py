"""Attempts with real processes: how they end, and what is known when something dies in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handrail.attempts.durable import try_lock
from handrail.attempts.exit_record import ExitRecord
from handrail.attempts.launch import SHIM, AttemptSpec, ShimStarter, start_shim, write_spec
from handrail.attempts.outcome import (
    Exited,
    InDoubt,
    NeverStarted,
    Running,
    cancel,
    cancel_orphan,
    read_outcome,
    read_report,
    seal,
)
from handrail.errors import MachineFault, StorageFault
from handrail.paths import AttemptFiles
from handrail.processes import ProcessIdentity
from waiting import wait_for

pytestmark = pytest.mark.e2e

Start = Callable[..., AttemptFiles]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Start]:
    """Starts attempts; ends, by identity, whatever of them still lives when the test is over."""
    begun: list[AttemptFiles] = []

    def start(*argv: str, launch: bool = True, crash_at: str | None = None, **more: Any) -> AttemptFiles:
        files = AttemptFiles(tmp_path / "attempts" / f"{len(begun) + 1:04d}")
        spec = {"cwd": str(tmp_path), "grace_seconds": 5.0} | more
        write_spec(files, AttemptSpec("run", len(begun) + 1, "deploy/step", "step", argv, **spec))
        begun.append(files)
        if launch:
            start_shim(files, crash_at=crash_at)
        return files

    yield start
    for files in begun:
        for path in (files.claim, files.task, *files.folder.parent.parent.glob("*.identity")):
            if path.exists() and (values := json.loads(path.read_bytes() or b"{}")).get("pid"):
                identity = ProcessIdentity(values["pid"], values["started"], values["boot_id"])
                if path == files.task:
                    identity.signal_group(signal.SIGKILL)
                identity.signal(signal.SIGKILL)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(code))


def ended(files: AttemptFiles) -> ExitRecord:
    found = wait_for(
        lambda: found if isinstance(found := read_outcome(files), Exited) else None,
        f"the attempt's end (last seen: {read_outcome(files)})",
    )
    return found.record


def running(files: AttemptFiles) -> ProcessIdentity:
    """The task's identity, once the task has said that it is up by making the file `up`."""
    wait_for(lambda: isinstance(read_outcome(files), Running) and _up(files).exists(), "the task to be up")
    found = read_outcome(files)
    assert isinstance(found, Running)
    assert found.identity is not None
    return found.identity


def shim_of(files: AttemptFiles) -> ProcessIdentity:
    values = json.loads(files.claim.read_bytes())
    return ProcessIdentity(values["pid"], values["started"], values["boot_id"])


def _up(files: AttemptFiles) -> Path:
    return files.folder / "up"


UP = 'import os, pathlib; pathlib.Path(os.environ["HANDRAIL_ATTEMPT"], "up").touch()\n'


# How an attempt ends


@pytest.mark.parametrize(
    ("script", "code", "killed_by"),
    [("exit 0", 0, None), ("exit 3", 3, None), ("kill -SEGV $$", None, 11), ("kill -KILL $$", None, 9)],
)
def test_its_exit_is_on_record(begin: Start, script: str, code: int | None, killed_by: int | None) -> None:
    record = ended(begin("sh", "-c", f"echo out; echo err >&2; {script}"))
    assert (record.exit_code, record.signal, record.start_error) == (code, killed_by, None)
    assert record.succeeded is (code == 0)
    assert not record.timed_out
    assert not record.cancelled
    assert record.log_bytes == len("out\nerr\n")
    assert record.ended.since(record.started) >= timedelta()


def test_the_log_is_the_task_s_own_output_and_its_times_lead_to_its_end(begin: Start) -> None:
    files = begin("sh", "-c", "echo one; echo two >&2")
    record = ended(files)
    assert files.log.read_text() == "one\ntwo\n"
    offset, wall = files.times.read_text().split()[-2:]
    assert int(offset) == 8
    assert record.started.wall - 1 < float(wall) < record.ended.wall + 1


def test_what_the_task_is_given(begin: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    monkeypatch.setenv("REPLACED", "old")
    # A descriptor that the launcher itself lets its children inherit must not reach the task.
    leaked = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    code = """
        import json, os, signal, sys
        print(json.dumps({
            "environment": dict(os.environ),
            "cwd": os.getcwd(),
            "stdin": os.readlink("/proc/self/fd/0"),
            "descriptors": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1],
            "leads": os.getpgid(0) == os.getpid(),
            "session": os.getsid(0) != os.getpgid(0),
            "ignored": [s.name for s in (signal.SIGHUP, signal.SIGTERM)
                        if signal.getsignal(s) != signal.SIG_DFL],
        }))
    """
    try:
        files = begin(*python(code), environment={"REPLACED": "new"}, cwd=str(tmp_path))
        assert ended(files).exit_code == 0, files.log.read_text()
    finally:
        os.close(leaked)
    seen = json.loads(files.log.read_text())
    environment = seen["environment"]
    assert (environment["INHERITED"], environment["REPLACED"]) == ("yes", "new")
    assert environment["HANDRAIL_ATTEMPT"] == str(files.folder)
    assert environment["HANDRAIL_REPORT"] == str(files.report)
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert seen["cwd"] == str(tmp_path)
    assert seen["stdin"] == os.devnull
    assert seen["descriptors"] == [0, 1, 2]
    assert seen["leads"]
    assert seen["session"]
    assert seen["ignored"] == []


@pytest.mark.parametrize(
    ("argv", "more", "words"),
    [
        (["no-such-program"], {}, "not installed, or not on PATH"),
        (["./plain"], {}, "./plain can't be started: Permission denied"),
        (["true"], {"cwd": "/no/such/folder"}, "the working directory /no/such/folder is missing"),
    ],
)
def test_what_can_t_be_started_is_said_in_plain_words(
    begin: Start, tmp_path: Path, argv: list[str], more: dict[str, str], words: str
) -> None:
    (tmp_path / "plain").touch(mode=0o600)
    files = begin(*argv, **more)
    record = ended(files)
    assert record.start_error is not None
    assert words in record.start_error
    assert (record.exit_code, record.signal, record.succeeded) == (None, None, False)
    assert words in files.log.read_text()
    assert "Nothing was run." in files.log.read_text()


def test_ten_megabytes_of_output_arrive_whole(begin: Start) -> None:
    record = ended(files := begin("sh", "-c", "head -c 10000000 /dev/zero"))
    assert record.log_bytes == files.log.stat().st_size == 10_000_000


def test_a_task_that_takes_too_long_is_killed_with_its_group(begin: Start) -> None:
    code = UP + textwrap.dedent("""
        import subprocess, sys, signal
        signal.signal(signal.SIGTERM, lambda *_: (print("got TERM", flush=True), sys.exit(4)))
        child = subprocess.Popen([sys.executable, "-c",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "print('deaf', flush=True); time.sleep(600)"])
        child.wait()
    """)
    files = begin(*python(code), timeout_seconds=1.5, grace_seconds=0.5)
    running(files)
    record = ended(files)
    assert (record.timed_out, record.cancelled, record.exit_code) == (True, False, 4)
    assert record.left_behind == record.still_in_group == ()
    assert "got TERM" in files.log.read_text()
    assert "deaf" in files.log.read_text()


def test_a_task_is_cancelled_and_may_clean_up(begin: Start) -> None:
    code = UP + textwrap.dedent("""
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print("cleaned up", flush=True), sys.exit(5)))
        time.sleep(600)
    """)
    files = begin(*python(code))
    wait_for(lambda: running(files), "the task")
    wait_for(lambda: _handles_term(running(files).pid), "the task's own handler")
    cancel(files)
    record = ended(files)
    assert (record.cancelled, record.timed_out, record.exit_code, record.succeeded) == (True, False, 5, False)
    assert files.log.read_text() == "cleaned up\n"


def _handles_term(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def test_a_hang_up_and_an_interrupt_do_nothing(begin: Start) -> None:
    files = begin(
        *python(UP + "import time, pathlib\nwhile not pathlib.Path('go').exists(): time.sleep(.02)")
    )
    running(files)
    shim_of(files).signal(signal.SIGHUP)
    shim_of(files).signal(signal.SIGINT)
    (files.folder.parent.parent / "go").touch()
    assert ended(files).exit_code == 0


# What is left behind


DAEMON = UP + textwrap.dedent("""
    import json, os, pathlib, sys, time
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        sys.path.insert(0, APP)
        from handrail.processes import ProcessIdentity
        written = pathlib.Path("partial")
        written.write_text(json.dumps(ProcessIdentity.own().as_dict()))
        written.rename("daemon.identity")
        time.sleep(600)
        os._exit(0)
    while not pathlib.Path("daemon.identity").exists():
        time.sleep(0.02)
    print("daemon is up")
    WAIT
""")
APP = str(SHIM.parents[2])


def daemon_of(tmp_path: Path) -> ProcessIdentity:
    return ProcessIdentity(**json.loads((tmp_path / "daemon.identity").read_text()))


def test_a_daemon_lives_on_is_listed_and_holds_neither_lock_nor_log(begin: Start, tmp_path: Path) -> None:
    files = begin(*python(DAEMON.replace("APP", repr(APP)).replace("WAIT", "")), "--token=secret")
    record = ended(files)
    daemon = daemon_of(tmp_path)
    assert record.exit_code == 0
    assert [(p.pid, p.started) for p in record.left_behind] == [(daemon.pid, daemon.started)]
    assert record.still_in_group == ()
    assert record.left_behind[0].command == sys.executable[:80]
    assert b"secret" not in files.exit.read_bytes()
    assert not shim_of(files).is_alive() or wait_for(lambda: not shim_of(files).is_alive(), "the shim's end")
    assert daemon.is_alive()
    held = {str(entry.readlink()) for entry in Path(f"/proc/{daemon.pid}/fd").iterdir()}
    assert not any(str(files.folder) in name for name in held), held
    descriptor = os.open(files.lock, os.O_RDWR)
    try:
        assert try_lock(descriptor)
    finally:
        os.close(descriptor)


def test_cancelling_never_kills_a_daemon(begin: Start, tmp_path: Path) -> None:
    code = DAEMON.replace("APP", repr(APP)).replace("WAIT", "time.sleep(600)")
    files = begin(*python(code), grace_seconds=0.3)
    wait_for(lambda: "daemon is up" in files.log.read_text() if files.log.exists() else False, "the daemon")
    cancel(files)
    record = ended(files)
    assert record.cancelled
    assert daemon_of(tmp_path).is_alive()
    assert [p.pid for p in record.left_behind] == [daemon_of(tmp_path).pid]


def test_a_straggler_in_the_group_is_listed_and_left_alone_at_a_normal_end(begin: Start) -> None:
    files = begin("sh", "-c", "sleep 600 & exit 0")
    record = ended(files)
    (straggler,) = record.still_in_group
    identity = ProcessIdentity(straggler.pid, straggler.started, shim_of(files).boot_id)
    assert identity.is_alive()
    assert record.left_behind == ()
    identity.signal(signal.SIGKILL)


# What dies in the middle


def test_a_task_outlives_its_shim_and_is_in_doubt_afterwards(begin: Start) -> None:
    files = begin(
        *python(UP + "import time, pathlib\nwhile not pathlib.Path('go').exists(): time.sleep(.02)")
    )
    task = running(files)
    shim_of(files).signal(signal.SIGKILL)
    found = wait_for(
        lambda: found if isinstance(found := read_outcome(files), Running) and found.orphaned else None,
        "the attempt to be an orphan",
    )
    assert found.identity == task
    assert task.is_alive()
    assert cancel(files) == found  # the shim is asked, and there is none: the orphan has a call of its own
    (files.folder.parent.parent / "go").touch()
    doubt = wait_for(lambda: d if isinstance(d := read_outcome(files), InDoubt) else None, "the doubt")
    assert "the task's process has ended" in doubt.evidence


def test_an_orphan_that_is_deaf_to_term_is_killed(begin: Start) -> None:
    code = UP + "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    files = begin(*python(code))
    task = running(files)
    shim_of(files).signal(signal.SIGKILL)
    wait_for(lambda: getattr(read_outcome(files), "orphaned", False), "the attempt to be an orphan")
    assert isinstance(cancel_orphan(files, timedelta(milliseconds=200)), InDoubt)
    assert not task.is_alive()


@pytest.mark.parametrize("point", ["after_claim", "after_task_written"])
def test_a_shim_that_dies_before_it_lets_the_task_go_never_ran_it(begin: Start, point: str) -> None:
    files = begin("touch", "ran", crash_at=point)
    wait_for(lambda: files.claim.exists() and not shim_of(files).is_alive(), "the shim's death")
    expected = NeverStarted if point == "after_claim" else InDoubt
    wait_for(lambda: isinstance(read_outcome(files), expected), f"the outcome (now {read_outcome(files)})")
    assert not (files.folder.parent.parent / "ran").exists()


def test_a_shim_that_dies_before_the_record_leaves_a_doubt(begin: Start) -> None:
    files = begin("true", crash_at="before_exit_record")
    wait_for(lambda: isinstance(read_outcome(files), InDoubt), "the doubt")


def test_a_shim_that_dies_after_the_record_leaves_none(begin: Start) -> None:
    assert ended(begin("true", crash_at="after_exit_record")).succeeded


def test_started_twice_it_runs_once(begin: Start, tmp_path: Path) -> None:
    files = begin("sh", "-c", "echo ran >> ran; sleep 0.3")
    start_shim(files)
    start_shim(files)
    assert ended(files).succeeded
    start_shim(files)
    wait_for(lambda: not _shims_of(files), "the shims' end")
    assert (tmp_path / "ran").read_text() == "ran\n"


def _shims_of(files: AttemptFiles) -> list[int]:
    return _shims_with(str(files.folder).encode())


def _shims_with(argument: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(SHIM).encode() in arguments and argument in arguments:
            found.append(int(entry.parent.name))
    return found


# The shim that waits for an attempt


@pytest.fixture
def shims() -> Iterator[ShimStarter]:
    """A starter whose shim is up."""
    with closing(ShimStarter()) as starter:
        starter.prepare(idle=True)
        yield starter


def _waiting_shim() -> list[int]:
    # To be waited for: right after it was started, a process has no command line yet.
    return [pid for pid in _shims_with(b"--wait") if _parent_of(pid) == os.getpid()]


def test_a_waiting_shim_takes_the_attempt_and_leaves_whoever_started_it(
    begin: Start, shims: ShimStarter
) -> None:
    [waiting] = wait_for(_waiting_shim, "the waiting shim")
    files = begin("cat", "/proc/self/stat", launch=False)
    shims.start(files)
    assert ended(files).succeeded
    assert not _waiting_shim()
    # Neither the launcher nor a descriptor of the launcher's is left with the task.
    claimed = json.loads(files.claim.read_bytes())["pid"]
    assert claimed not in (waiting, os.getpid())
    assert int(files.log.read_text().split()[3]) == claimed


def test_what_a_waiting_shim_says_is_in_the_attempts_folder(begin: Start, shims: ShimStarter) -> None:
    files = begin("true", launch=False)
    files.spec.write_text('{"format": 1, "argv": ["true"]}')
    with pytest.raises(MachineFault, match="could not begin") as fault:
        shims.start(files)
    assert "is not complete" in fault.value.evidence
    assert isinstance(read_outcome(files), NeverStarted)


def test_where_the_waiting_shim_is_gone_another_one_is_started(begin: Start, shims: ShimStarter) -> None:
    [waiting] = wait_for(_waiting_shim, "the waiting shim")
    os.kill(waiting, signal.SIGKILL)
    files = begin("true", launch=False)
    shims.start(files)
    assert ended(files).succeeded
    shims.prepare(idle=False)
    assert not _waiting_shim(), "the task has the processor"
    shims.prepare(idle=True)
    assert wait_for(_waiting_shim, "the waiting shim")


def test_a_waiting_shim_that_dies_at_the_handover_leaves_the_attempt_to_another(
    begin: Start, shims: ShimStarter, tmp_path: Path
) -> None:
    [waiting] = wait_for(_waiting_shim, "the waiting shim")
    os.kill(waiting, signal.SIGSTOP)
    files = begin("sh", "-c", "echo ran >> ran", launch=False)
    with ThreadPoolExecutor(1) as beside:
        started = beside.submit(shims.start, files)
        wait_for(files.shim_log.exists, "the handover")
        os.kill(waiting, signal.SIGKILL)
        started.result()
    assert ended(files).succeeded
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_waiting_shim_ends_with_whoever_it_waits_for() -> None:
    script = (
        "import sys, time\n"
        "from handrail.attempts.launch import ShimStarter\n"
        "starter = ShimStarter()\n"
        "starter.prepare(idle=True)\n"
        "print(starter._waiting.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        waiting = int(holder.stdout.readline())
        identity = ProcessIdentity.of(waiting)
        assert identity is not None
        holder.kill()
    wait_for(lambda: not identity.is_alive(), "the end of the shim")


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_sealed_attempt_never_starts(begin: Start, tmp_path: Path) -> None:
    files = begin("touch", "ran", launch=False)
    assert read_outcome(files) == NeverStarted("Its shim has not claimed it.")
    assert isinstance(found := seal(files), NeverStarted)
    assert found.sealed
    start_shim(files)
    wait_for(lambda: not _shims_of(files), "the shim's end")
    assert read_outcome(files) == seal(files) == found
    assert not (tmp_path / "ran").exists()


def test_sealing_what_runs_or_has_ended_changes_nothing(begin: Start, tmp_path: Path) -> None:
    files = begin(
        *python(UP + "import time, pathlib\nwhile not pathlib.Path('go').exists(): time.sleep(.02)")
    )
    running(files)
    assert isinstance(seal(files), Running)
    (tmp_path / "go").touch()
    ended(files)
    assert isinstance(seal(files), Exited)


def test_a_seal_and_a_shim_at_the_same_time_agree(begin: Start, tmp_path: Path) -> None:
    for number in range(6):
        files = begin("touch", f"ran-{number}", launch=False)
        launcher = subprocess.Popen([sys.executable, "-S", "-E", "-P", str(SHIM), str(files.folder)])
        time.sleep(0.02 * number)  # spreads the seal over the shim's start; any order is right
        found = seal(files)
        launcher.wait(timeout=30)
        if isinstance(found, NeverStarted):
            wait_for(lambda files=files: not _shims_of(files), "the shim's end")
            assert not (tmp_path / f"ran-{number}").exists()
        else:
            assert ended(files).succeeded
            assert (tmp_path / f"ran-{number}").exists()


def test_readers_never_keep_a_shim_from_starting(begin: Start) -> None:
    files = begin("true", launch=False)
    launcher = subprocess.Popen([sys.executable, "-S", "-E", "-P", str(SHIM), str(files.folder)])
    while launcher.poll() is None:
        assert not isinstance(read_outcome(files), InDoubt)
    assert ended(files).succeeded


def test_cancelling_what_has_not_begun_seals_it(begin: Start, tmp_path: Path) -> None:
    files = begin("touch", "ran", launch=False)
    assert cancel(files) == NeverStarted("It was sealed before its shim came.", sealed=True)


def test_what_is_cancelled_before_it_began_is_not_run(begin: Start, tmp_path: Path) -> None:
    files = begin("touch", "ran", launch=False)
    descriptor = os.open(files.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        assert try_lock(descriptor)
        start_shim(files)
        (shim,) = wait_for(lambda: _shims_of(files), "the shim, which waits for the lock")
        wait_for(lambda: _handles_term(shim), "the shim's own handler")
        os.kill(shim, signal.SIGTERM)
    finally:
        os.close(descriptor)
    record = ended(files)
    assert (record.cancelled, record.exit_code, record.signal) == (True, None, None)
    assert record.start_error is not None
    assert "Nothing was run" in record.start_error
    assert not (tmp_path / "ran").exists()


def test_no_descriptor_reaches_the_task_whoever_started_the_shim(begin: Start) -> None:
    files = begin("ls", "/proc/self/fd", launch=False)
    leaked = os.open(os.devnull, os.O_RDONLY)
    try:
        command = [sys.executable, "-S", "-E", "-P", str(SHIM), str(files.folder)]
        subprocess.run(command, pass_fds=(leaked,), check=True)
    finally:
        os.close(leaked)
    ended(files)
    # The fourth is the one with which `ls` reads the list.
    assert files.log.read_text().split() == ["0", "1", "2", "3"]


# What the machine refuses


def test_a_log_on_a_full_disk_still_leaves_an_exit_record(begin: Start, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "attempts"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        files = begin("sh", "-c", "head -c 1000000 /dev/zero; echo done > ../../ended; exit 6")
        record = ended(files)
        assert record.exit_code == 6
        assert 0 < record.log_bytes < 1_000_000
        wait_for(lambda: not _shims_of(files), "the shim's end")
        # Nothing further can be begun on it, and that is said before anything is started.
        with pytest.raises(StorageFault, match="can't be written") as fault:
            begin("true", launch=False, environment={"FILLER": "x" * 400_000})
        assert "the step was not started" in str(fault.value)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_attempt_without_a_usable_spec_is_refused_by_its_shim(begin: Start) -> None:
    files = begin("true", launch=False)
    files.spec.write_text('{"format": 1, "argv": ["true"]}')
    with pytest.raises(MachineFault, match="could not begin") as fault:
        start_shim(files)
    assert "is not complete" in fault.value.evidence
    assert isinstance(read_outcome(files), NeverStarted)


def test_an_attempt_is_never_given_another_spec(begin: Start, tmp_path: Path) -> None:
    files = begin("true")
    ended(files)
    with pytest.raises(StorageFault, match="was begun before"):
        write_spec(files, AttemptSpec("run", 1, "s", "step", ("touch", "ran"), str(tmp_path)))


def test_the_files_are_for_their_owner_alone(begin: Start) -> None:
    before = os.umask(0)
    try:
        files = begin("sh", "-c", "echo x")
        ended(files)
    finally:
        os.umask(before)
    assert files.folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in files.folder.iterdir()} == dict.fromkeys(
        ("spec.json", "lock", "claim", "task", "log", "log.times", "exit", "shim.log"), 384
    )


def test_a_report_is_read_back(begin: Start) -> None:
    files = begin(
        "sh",
        "-c",
        """(echo '{"fact": "release", "value": "v1"}'; printf '{"ver') >> "$HANDRAIL_REPORT" """,
    )
    ended(files)
    report = read_report(files)
    assert report.facts == {"release": "v1"}
    assert report.verdict is None
    assert len(report.problems) == 1
