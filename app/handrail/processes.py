"""Which process is meant: pid, start time and boot together, so that a reused pid is never hit.

Standard library only: the shim imports this module.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import Signals
from typing import Any

from handrail.clock import boot_id


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot; `started` is the system's own start mark (clock ticks on Linux)."""

    pid: int
    started: str
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of the process that has this pid now; `None` where there is none."""
        started = start_mark(pid)
        return None if started is None else cls(pid, started, boot_id())

    @classmethod
    def own(cls) -> ProcessIdentity:
        """This process's identity."""
        return cls(os.getpid(), start_mark(os.getpid()) or "", boot_id())

    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie has ended."""
        return self.boot_id == boot_id() and start_mark(self.pid) == self.started

    def signal(self, number: Signals) -> bool:
        """Signal this very process; False where it has ended."""
        return self.is_alive() and _deliver(os.kill, self.pid, number)

    def signal_group(self, number: Signals) -> bool:
        """Signal the process group that this process leads; False where its leader has ended."""
        return self.is_alive() and _deliver(os.killpg, self.pid, number)

    def as_dict(self) -> dict[str, Any]:
        """The identity as plain values, for JSON."""
        return asdict(self)


def _deliver(send: Any, pid: int, number: Signals) -> bool:
    try:
        send(pid, number)
    except ProcessLookupError:
        return False
    return True


def start_mark(pid: int) -> str | None:
    """When the process with this pid started, in the system's own units; `None` where none runs."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        # The program's name may hold spaces and brackets: what follows it begins after the last one.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    import subprocess  # noqa: PLC0415 - the shim starts faster without it

    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
