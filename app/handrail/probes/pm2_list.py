"""What `pm2 jlist` says, without what nobody may see: it prints the application's whole environment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INHERITED = ("PATH", "HOME", "PM2_HOME", "LANG", "LC_*", "TZ", "TERM", "USER", "LOGNAME")
"""What a pm2 command may inherit: its daemon keeps its starter's environment for ever."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that pm2 keeps. `started` is in seconds since 1970, `memory` in bytes, `cpu` in percent.

    `version` is package.json's, which a stale build outlives: never a proof of what is served.
    """

    name: str
    id: int
    pid: int
    status: str
    restarts: int
    started: float
    memory: int
    version: str
    out_log: Path | None
    error_log: Path | None
    cpu: float = 0.0

    @property
    def online(self) -> bool:
        """Whether pm2 calls it online, which a process in a crash loop is too, most of the time."""
        return self.status == "online"


class NotAList(ValueError):
    """The text holds no list of processes."""


def parse(text: str) -> tuple[Instance, ...]:
    """The processes in the output of `pm2 jlist`, whatever banner stands before. Raises `NotAList`."""
    return tuple(_instance(entry) for entry in _entries(text))


def variable(text: str, names: Sequence[str], name: str) -> list[str | None]:
    """One variable of each of the target's processes, `None` where it isn't set; empty for no list at all.

    It is the one way to a value of the environment, which is a secret until somebody says otherwise.
    """
    try:
        entries = _entries(text)
    except NotAList:
        return []
    known = {i.id for i in of_target(map(_instance, entries), names)}
    found = []
    for entry in entries:
        if int(entry.get("pm_id", -1)) in known:
            own = entry["pm2_env"].get("env")
            value = own.get(name) if isinstance(own, dict) else None
            found.append(None if value is None else str(value))
    return found


def _entries(text: str) -> list[dict[str, Any]]:
    decoder = json.JSONDecoder()
    at = text.find("[")
    while at >= 0:
        try:
            found, _ = decoder.raw_decode(text, at)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(entry, dict) and "pm2_env" in entry for entry in found):
            return found
        at = text.find("[", at + 1)
    raise NotAList("pm2 gave no list of processes")


def _instance(entry: dict[str, Any]) -> Instance:
    environment = entry["pm2_env"]
    monit = entry.get("monit") or {}
    return Instance(
        name=str(entry.get("name", "")),
        id=int(entry.get("pm_id", -1)),
        pid=int(entry.get("pid") or 0),
        status=str(environment.get("status", "unknown")),
        restarts=int(environment.get("restart_time") or 0),
        started=float(environment.get("pm_uptime") or 0) / 1000,
        memory=int(monit.get("memory") or 0),
        version=str(environment.get("version", "")),
        out_log=_path(environment.get("pm_out_log_path")),
        error_log=_path(environment.get("pm_err_log_path")),
        cpu=float(monit.get("cpu") or 0),
    )


def _path(text: object) -> Path | None:
    # pm2 writes "NULL" or /dev/null where a log is turned off.
    return Path(text) if isinstance(text, str) and text not in ("", "NULL", "/dev/null") else None


def of_target(instances: Iterable[Instance], names: Sequence[str]) -> tuple[Instance, ...]:
    """Those of the target's names; all of them where it names none. pm2's own modules are left out."""
    return tuple(i for i in instances if (i.name in names if names else not i.name.startswith("pm2-")))


def pids(instances: Iterable[Instance]) -> str:
    """The pids as a fact: comma-separated, in order."""
    return ",".join(str(i.pid) for i in sorted(instances, key=lambda i: i.id))


def table(instances: Sequence[Instance], now: float) -> list[str]:
    """A line for each process: what may be seen of it."""
    rows = [("name", "id", "pid", "status", "restarts", "up", "memory", "package")]
    rows += [
        (
            i.name,
            str(i.id),
            str(i.pid or "-"),
            i.status,
            str(i.restarts),
            f"{max(0, round(now - i.started))}s" if i.started and i.online else "-",
            f"{i.memory // 1024 // 1024} MB",
            i.version or "-",
        )
        for i in instances
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)).rstrip() for r in rows
    ]


def log_sizes(instances: Iterable[Instance]) -> dict[str, int]:
    """The present size in bytes of each log file of these processes; 0 where there is none yet."""
    paths = {path for i in instances for path in (i.out_log, i.error_log) if path is not None}
    return {str(path): path.stat().st_size if path.is_file() else 0 for path in sorted(paths)}


def unsteady(before: Sequence[Instance], after: Sequence[Instance]) -> list[str]:
    """What changed between two looks, in a sentence each: a process that keeps dying shows here."""
    found = []
    known = {i.id: i for i in before}
    for i in after:
        old = known.get(i.id)
        if not i.online:
            found.append(f"{i.name} {i.id} is {i.status}")
        elif old is None:
            found.append(f"{i.name} {i.id} is new")
        elif i.restarts != old.restarts:
            found.append(f"{i.name} {i.id} was restarted ({old.restarts} → {i.restarts} restarts)")
        elif i.pid != old.pid:
            found.append(f"{i.name} {i.id} has another pid ({old.pid} → {i.pid})")
    found += [f"{i.name} {i.id} is gone" for i in before if i.id not in {a.id for a in after}]
    return found
