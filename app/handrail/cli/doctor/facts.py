"""Looking at this machine; nothing is changed by it."""

from __future__ import annotations

import locale
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from handrail.cli.doctor.findings import Facts
from handrail.cli.surroundings import Surroundings
from handrail.errors import HandrailError
from handrail.journal.filesystem import mount_of
from handrail.project.model import Project, Target

PATIENCE_SECONDS = 5
LOGIND_SETTINGS = (Path("/etc/systemd/logind.conf"), Path("/etc/systemd/logind.conf.d"))


def gather(here: Surroundings) -> Facts:
    """The facts of this machine, this user, this terminal and this project."""
    environment = here.environment
    user = _user()
    project, fault = _project(here)
    root = here.named_state or (here.state.root if not fault else _state_without_project(here))
    near = _nearest_existing(root)
    mode, journal_fault = _journal(here, root)
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    missing, found = _programs(project, environment.get("PATH", os.defpath))
    return Facts(
        user=user,
        is_root=os.getuid() == 0,
        sqlite_version=sqlite3.sqlite_version_info,
        state_root=root,
        state_exists=root.is_dir(),
        state_mode=root.stat().st_mode & 0o7777 if root.is_dir() else None,
        state_is_ours=not root.is_dir() or root.stat().st_uid == os.getuid(),
        state_writable=os.access(near, os.W_OK | os.X_OK),
        journal_mode=mode,
        journal_fault=journal_fault,
        filesystem=_filesystem(near),
        free_bytes=shutil.disk_usage(near).free,
        over_ssh=bool(environment.get("SSH_CONNECTION")),
        kill_user_processes=_kill_user_processes(),
        lingers=Path("/var/lib/systemd/linger", user).exists(),
        agent_socket=environment.get("SSH_AUTH_SOCK"),
        is_terminal=terminal,
        term=environment.get("TERM", ""),
        size=tuple(shutil.get_terminal_size()) if terminal else None,  # type: ignore[arg-type]
        encoding=locale.getpreferredencoding(False),
        no_color=bool(environment.get("NO_COLOR")),
        has_boot_clock=hasattr(time, "CLOCK_BOOTTIME"),
        clock_synchronised=_clock_synchronised(),
        year=datetime.now(UTC).year,
        project_file=None if fault else here.project_file,
        project_fault=fault,
        missing_programs=missing,
        found_programs=found,
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _project(here: Surroundings) -> tuple[Project | None, str]:
    try:
        return here.project, ""
    except HandrailError as error:
        return None, f"{error.summary}\n{error.evidence}".strip()


def _state_without_project(here: Surroundings) -> Path:
    return here.state.locate(here.environment).root


def _nearest_existing(path: Path) -> Path:
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))


def _journal(here: Surroundings, root: Path) -> tuple[str | None, str]:
    """The mode of the journal that is there, and what is wrong with it."""
    from handrail.journal.sqlite import SqliteJournal  # noqa: PLC0415

    path = root / "journal.db"
    if not path.exists():
        return None, ""
    try:
        journal = SqliteJournal(path, read_only=True)
    except HandrailError as error:
        return None, error.summary
    try:
        damage = [what for head in journal.runs(limit=20) for what in journal.verify(head.run)]
        # A reader sees any of the other modes as "delete"; what matters is whether it is WAL.
        return "wal" if journal.mode == "wal" else "rollback-journal", "; ".join(damage)
    except HandrailError as error:
        return journal.mode, error.summary
    finally:
        journal.close()


def _filesystem(path: Path) -> str:
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return mount_of(path.resolve(), mounts)[1]


def _answer(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _kill_user_processes() -> bool | None:
    if not Path("/run/systemd/system").is_dir():
        return None
    manager = "/org/freedesktop/login1"
    name = "org.freedesktop.login1"
    answer = _answer("busctl", "get-property", name, manager, f"{name}.Manager", "KillUserProcesses")
    if answer in ("b true", "b false"):
        return answer == "b true"
    main, more = LOGIND_SETTINGS
    value = "no"
    for file in [main, *sorted(more.glob("*.conf"))]:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            key, _, said = line.partition("=")
            value = said.strip().lower() if key.strip() == "KillUserProcesses" else value
    return value in ("yes", "true", "1", "on")


def _clock_synchronised() -> bool | None:
    answer = _answer("timedatectl", "show", "--property=NTPSynchronized", "--value")
    return {"yes": True, "no": False}.get(answer or "")


def _programs(project: Project | None, path: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """What the project's targets need and PATH lacks, and what was found."""
    missing: list[tuple[str, str]] = []
    found: list[str] = []
    needs: list[tuple[str, str, str]] = [("bash", "shell fences", path), ("git", "every deployment", path)]
    for target in project.targets.values() if project else ():
        needs += _needs_of(target, path)
    for program, needed_for, where in needs:
        if shutil.which(program, path=where) is not None:
            found.append(program)
        else:
            missing.append((program, needed_for))
    return tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(found))


def _needs_of(target: Target, path: str) -> list[tuple[str, str, str]]:
    where = os.pathsep.join([*map(str, target.path), path])
    needed_for = f"the target {target.name}"
    needs = [("node", needed_for, where), ("npm", needed_for, where)]
    needs.append((target.pm2.program[0], needed_for, where))
    if target.database is not None:
        folder = target.database.programs
        # Where the folder is named, the tasks look nowhere else.
        tools = str(folder) if folder else where
        named = f" in {folder}" if folder else ""
        needs += [
            (name, f"the database of the target {target.name}{named}", tools)
            for name in ("psql", "pg_dump", "pg_restore")
        ]
    return needs
