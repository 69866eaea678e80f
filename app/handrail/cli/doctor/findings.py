"""What the facts of a machine mean for a run: pure, so that every bad machine can be tested on a good one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field

from handrail.journal.filesystem import is_on_network
from handrail.journal.schema import wal_is_sound

FREE_BYTES_NEEDED = 1_000_000_000
FREE_BYTES_LEAST = 200_000_000
ROOMY = (80, 24)
SMALLEST = (40, 15)
CREATED_AFTER_YEAR = 2025


class Level(StrEnum):
    """How much a finding hurts."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Finding(Struct, frozen=True):
    """One thing that was looked at: what was found, and how to mend it where it needs that."""

    check: str
    level: Level
    what: str
    mend: str = ""


class Facts(Struct, frozen=True):
    """What was seen of this machine; `None` means that it could not be told, or does not exist here."""

    user: str
    is_root: bool
    sqlite_version: tuple[int, int, int]
    state_root: Path
    state_exists: bool = False
    state_mode: int | None = None
    state_is_ours: bool = True
    state_writable: bool = True
    journal_mode: str | None = None
    journal_fault: str = ""
    filesystem: str = ""
    free_bytes: int | None = None
    over_ssh: bool = False
    kill_user_processes: bool | None = None
    lingers: bool | None = None
    agent_socket: str | None = None
    is_terminal: bool = True
    term: str = ""
    size: tuple[int, int] | None = None
    encoding: str = "utf-8"
    no_color: bool = False
    has_boot_clock: bool = True
    clock_synchronised: bool | None = None
    year: int = 2100
    project_file: Path | None = None
    project_fault: str = ""
    missing_programs: tuple[tuple[str, str], ...] = ()
    found_programs: tuple[str, ...] = field(default=())


def findings(facts: Facts) -> list[Finding]:
    """Everything that was looked at, in a fixed order."""
    return [finding for look in _LOOKS for finding in look(facts)]


def _sqlite(facts: Facts) -> Iterator[Finding]:
    version = ".".join(map(str, facts.sqlite_version))
    mode = f"; the journal is in {facts.journal_mode} mode" if facts.journal_mode else ""
    if facts.journal_fault:
        yield Finding("journal", Level.BAD, facts.journal_fault, "mend what it says before the next run")
    if wal_is_sound(facts.sqlite_version):
        yield Finding("SQLite", Level.OK, f"SQLite {version}{mode}")
    elif facts.journal_mode == "wal":
        mend = "close every run and start handrail once, which changes the mode; or use a newer SQLite"
        yield Finding("SQLite", Level.BAD, f"SQLite {version} has the WAL-reset defect{mode}", mend)
    else:
        what = (
            f"SQLite {version}{mode}; without WAL, since this version has the WAL-reset defect: safe, slower"
        )
        yield Finding("SQLite", Level.OK, what)


def _state(facts: Facts) -> Iterator[Finding]:
    root = facts.state_root
    if not facts.state_writable:
        mend = f"make {root} writable for {facts.user}, or name another folder with HANDRAIL_STATE"
        yield Finding("state directory", Level.BAD, f"{root} can't be written", mend)
    elif not facts.state_exists:
        yield Finding("state directory", Level.OK, f"{root} will be made when the first run is opened")
    elif not facts.state_is_ours:
        mend = "name a folder of your own with HANDRAIL_STATE, or work as its owner"
        yield Finding("state directory", Level.BAD, f"{root} belongs to another user", mend)
    elif facts.state_mode is not None and facts.state_mode & 0o077:
        what = f"{root} can be entered by others (mode {facts.state_mode:04o}); logs may hold secrets"
        yield Finding("state directory", Level.WARN, what, f"chmod 700 {root}")
    else:
        yield Finding("state directory", Level.OK, f"{root}, for its owner alone")


def _disk(facts: Facts) -> Iterator[Finding]:
    if facts.filesystem and is_on_network(facts.filesystem):
        what = f"{facts.state_root} lies on a filesystem on the network ({facts.filesystem})"
        mend = "name a folder on a disk of this machine with HANDRAIL_STATE; a run refuses to start here"
        yield Finding("filesystem", Level.BAD, what, mend)
    if facts.free_bytes is None:
        return
    free = f"{facts.free_bytes / 1e9:.1f} GB free for the journal and the logs"
    if facts.free_bytes < FREE_BYTES_LEAST:
        mend = "free at least 1 GB before a deployment: a full disk stops a run in the middle"
        yield Finding("disk", Level.BAD, free, mend)
    elif facts.free_bytes < FREE_BYTES_NEEDED:
        yield Finding("disk", Level.WARN, free, "free at least 1 GB before a deployment")
    else:
        yield Finding("disk", Level.OK, free)


def _logout(facts: Facts) -> Iterator[Finding]:
    if facts.kill_user_processes is None:
        yield Finding("logout", Level.OK, "no systemd-logind that ends processes at logout")
    elif not facts.kill_user_processes:
        yield Finding("logout", Level.OK, "processes outlive the session (KillUserProcesses=no)")
    elif facts.is_root:
        what = "KillUserProcesses=yes, which leaves root out unless KillExcludeUsers was changed"
        yield Finding("logout", Level.WARN, what, "see KillExcludeUsers in logind.conf; it should name root")
    elif facts.lingers:
        yield Finding("logout", Level.OK, f"KillUserProcesses=yes, but {facts.user} lingers")
    else:
        what = "KillUserProcesses=yes: when your connection drops, the engine and the running step are killed"
        yield Finding("logout", Level.BAD, what, f"loginctl enable-linger {facts.user}")


def _agent(facts: Facts) -> Iterator[Finding]:
    if facts.agent_socket is None or not facts.over_ssh:
        return
    what = (
        "your ssh-agent is forwarded by this connection; when it drops, the engine goes on without your "
        "keys, so a `git fetch` over SSH fails then"
    )
    mend = "give this machine a deploy key of its own for the repository"
    yield Finding("ssh-agent", Level.WARN, what, mend)


def _terminal(facts: Facts) -> Iterator[Finding]:
    if not facts.is_terminal:
        yield Finding("terminal", Level.OK, "none here: runs go by plain lines (`handrail run --plain`)")
        return
    if facts.term in ("", "dumb", "unknown"):
        mend = "set TERM to what your terminal is, such as xterm-256color; else runs go by plain lines"
        yield Finding(
            "terminal", Level.WARN, f"TERM={facts.term or '(not set)'}: no screen is possible", mend
        )
    elif facts.size is not None and (facts.size[0] < SMALLEST[0] or facts.size[1] < SMALLEST[1]):
        mend = "make the window at least 40 by 15, better 80 by 24"
        yield Finding("terminal", Level.WARN, f"{facts.size[0]} by {facts.size[1]} is too small for it", mend)
    elif facts.size is not None and (facts.size[0] < ROOMY[0] or facts.size[1] < ROOMY[1]):
        what = f"{facts.term}, {facts.size[0]} by {facts.size[1]}: usable, in one column"
        yield Finding("terminal", Level.OK, what)
    else:
        colours = ", without colours (NO_COLOR)" if facts.no_color else ""
        size = f", {facts.size[0]} by {facts.size[1]}" if facts.size else ""
        yield Finding("terminal", Level.OK, f"{facts.term}{size}{colours}")
    if "utf" not in facts.encoding.lower():
        mend = "export LC_ALL=C.UTF-8"
        yield Finding("locale", Level.WARN, f"the locale's encoding is {facts.encoding}, not UTF-8", mend)


def _clock(facts: Facts) -> Iterator[Finding]:
    if facts.year < CREATED_AFTER_YEAR:
        yield Finding("clock", Level.BAD, f"the clock says the year {facts.year}", "set the machine's clock")
    elif facts.clock_synchronised is False:
        what = "the clock is not synchronised; countdowns go by the boot clock, but the times shown are wrong"
        yield Finding("clock", Level.WARN, what, "timedatectl set-ntp true")
    else:
        known = (
            "synchronised" if facts.clock_synchronised else "whether it is synchronised can't be told here"
        )
        yield Finding("clock", Level.OK, known)
    if not facts.has_boot_clock:
        what = "this system has no clock that counts suspend: a countdown stops while the machine sleeps"
        yield Finding("boot clock", Level.WARN, what, "don't drive a deployment from a machine that sleeps")


def _project(facts: Facts) -> Iterator[Finding]:
    if facts.project_fault:
        yield Finding("project", Level.BAD, facts.project_fault, "correct handrail.toml")
    elif facts.project_file is None:
        what = "no handrail.toml upward from here: runbooks run against this folder alone"
        yield Finding("project", Level.WARN, what, "go into the application's repository, or use --project")
    else:
        yield Finding("project", Level.OK, str(facts.project_file))


def _programs(facts: Facts) -> Iterator[Finding]:
    for program, needed_for in facts.missing_programs:
        mend = "install it, or name its folder in the target's `path` in handrail.toml"
        yield Finding("programs", Level.BAD, f"{program} is missing, needed for {needed_for}", mend)
    if facts.found_programs:
        yield Finding("programs", Level.OK, f"found {', '.join(facts.found_programs)}")


_LOOKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _sqlite,
    _state,
    _disk,
    _logout,
    _agent,
    _terminal,
    _clock,
    _project,
    _programs,
)
