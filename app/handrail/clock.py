"""Time as a run counts it: the boot clock for durations, the wall clock for people.

The boot clock counts suspend and ignores clock steps, so a countdown stays right when someone sets
the machine's clock. Wall time and the boot's identity are kept beside it, since a boot clock means
nothing on another boot. Standard library only: the shim imports this module.
"""

from __future__ import annotations

import functools
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment: `wall` in seconds since 1970 (UTC), `boot` in seconds since the boot `boot_id`."""

    wall: float
    boot: float
    boot_id: str

    def plus(self, duration: timedelta) -> Instant:
        """The moment that lies `duration` (which may be negative) after this one."""
        seconds = duration.total_seconds()
        return Instant(self.wall + seconds, self.boot + seconds, self.boot_id)

    def since(self, earlier: Instant) -> timedelta:
        """The time from `earlier` to this moment; by wall clock where a reboot lies between."""
        if self.boot_id == earlier.boot_id:
            return timedelta(seconds=self.boot - earlier.boot)
        return timedelta(seconds=self.wall - earlier.wall)

    def datetime(self) -> datetime:
        """The wall time as an aware UTC datetime."""
        return datetime.fromtimestamp(self.wall, UTC)


def wall_clock_jump(earlier: Instant, later: Instant) -> timedelta:
    """How far the wall clock was set between two moments of one boot; zero across a reboot."""
    if earlier.boot_id != later.boot_id:
        return timedelta()
    return timedelta(seconds=(later.wall - earlier.wall) - (later.boot - earlier.boot))


class Clock(Protocol):
    """What tells the time; passed down from the composition root, never read from a global."""

    def now(self) -> Instant:
        """The present moment."""
        ...


@functools.cache
def boot_id() -> str:
    """The identity of this boot of this machine; an empty string where the system has none."""
    source = Path("/proc/sys/kernel/random/boot_id")
    try:
        return source.read_text(encoding="ascii").strip()
    except OSError:
        if sys.platform == "darwin":
            import subprocess  # noqa: PLC0415 - the shim starts faster without it

            answer = subprocess.run(
                ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False
            )
            return answer.stdout.strip()
        return ""


_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> Instant:
        """The present moment."""
        return Instant(wall=time.time(), boot=time.clock_gettime(_BOOT_CLOCK), boot_id=boot_id())


class ManualClock:
    """A clock that moves only when told to, so that thirty minutes pass in a test at once."""

    def __init__(self, start: Instant | None = None) -> None:
        self._now = start or Instant(wall=1_700_000_000.0, boot=1_000.0, boot_id="manual")

    def now(self) -> Instant:
        """The moment at which the clock was last set."""
        return self._now

    def advance(self, duration: timedelta) -> Instant:
        """Let `duration` pass, and say what time it is then."""
        self._now = self._now.plus(duration)
        return self._now

    def set_wall_clock(self, jump: timedelta) -> Instant:
        """Move the wall clock alone, as an operator's `date -s` would."""
        self._now = Instant(self._now.wall + jump.total_seconds(), self._now.boot, self._now.boot_id)
        return self._now
