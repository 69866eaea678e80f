"""Which processes a task left behind, so that the operator sees them; none of them is ever killed here.

Standard library only: the shim imports this module.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from handrail.attempts.exit_record import LeftBehind
from handrail.processes import start_mark

_PR_SET_CHILD_SUBREAPER = 36
_COMMAND_LENGTH = 80


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends; without effect where Linux is not."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - loading it costs time that only this call needs

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def list_leftovers(group: int) -> tuple[tuple[LeftBehind, ...], tuple[LeftBehind, ...]]:
    """Descendants of this process outside of `group`, and the processes inside of it.

    Where Linux is not, descendants that left the group can't be told from other processes: none is listed.
    """
    parents, groups = _table()
    outside: list[LeftBehind] = []
    inside: list[LeftBehind] = []
    for pid in sorted(parents):
        if groups[pid] == group:
            wanted = inside
        elif sys.platform == "linux" and _descends(pid, os.getpid(), parents):
            wanted = outside
        else:
            continue
        if (started := start_mark(pid)) is not None:
            wanted.append(LeftBehind(pid, started, *_names(pid)))
    return tuple(outside), tuple(inside)


def _table() -> tuple[dict[int, int], dict[int, int]]:
    """The parent and the group of every process."""
    parents: dict[int, int] = {}
    groups: dict[int, int] = {}
    if sys.platform == "linux":
        for entry in os.listdir("/proc"):  # noqa: PTH208 - one list of names is all that is needed
            if not entry.isdigit():
                continue
            try:
                stat = Path(f"/proc/{entry}/stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                continue
            fields = stat.rpartition(")")[2].split()
            parents[int(entry)], groups[int(entry)] = int(fields[1]), int(fields[2])
    else:
        for line in _ps("-axo", "pid=,ppid=,pgid=").splitlines():
            pid, parent, group = (int(field) for field in line.split())
            parents[pid], groups[pid] = parent, group
    return parents, groups


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    seen: set[int] = set()
    while pid in parents and pid not in seen:
        seen.add(pid)
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False


def _names(pid: int) -> tuple[str, str]:
    if sys.platform == "linux":
        try:
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return "", ""
        return name, line.split(b"\0", 1)[0].decode(errors="replace")[:_COMMAND_LENGTH]
    listed = _ps("-o", "comm=", "-p", str(pid)).strip()
    return Path(listed).name, listed[:_COMMAND_LENGTH]


def _ps(*arguments: str) -> str:
    import subprocess  # noqa: PLC0415 - loading it costs time, and Linux needs none of it

    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
