"""This machine: processor, memory, and the room left on the checkout's disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from handrail.clock import Clock
from handrail.probes.base import sample, unknown
from handrail.project.signals import signals_of_probe
from handrail.signals.signal import Signal
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import Probe


class HostProber:
    """Levels in percent; the processor's is that since the look before, which the first look has none of."""

    dated_at_start = False

    def __init__(self, target: Target, probe: Probe, clock: Clock) -> None:
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._disk: Path = (probe.host.disk if probe.host else None) or target.checkout
        self._clock = clock
        self._before: tuple[float, float] | None = None

    def look(self) -> list[Sample]:
        """Ask the system."""
        cpu, memory, disk = self.signals
        return [*self._cpu(cpu), *self._memory(memory), *self._disk_free(disk)]

    def _cpu(self, signal: Signal) -> list[Sample]:
        at = self._clock.now()
        try:
            times = psutil.cpu_times()
        except (OSError, psutil.Error) as error:
            return unknown((signal,), at, f"the processor's times can't be read: {error}")
        idle = times.idle + getattr(times, "iowait", 0.0)
        # A guest's time is counted in its host's user time already.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        before, self._before = self._before, (idle, total)
        if before is None or total <= before[1]:
            return []
        share = 1 - (idle - before[0]) / (total - before[1])
        return [sample(signal, at, 100 * min(1.0, max(0.0, share)))]

    def _memory(self, signal: Signal) -> list[Sample]:
        at = self._clock.now()
        try:
            return [sample(signal, at, psutil.virtual_memory().percent)]
        except (OSError, psutil.Error) as error:
            return unknown((signal,), at, f"the memory's use can't be read: {error}")

    def _disk_free(self, signal: Signal) -> list[Sample]:
        at = self._clock.now()
        try:
            return [sample(signal, at, 100 - psutil.disk_usage(str(self._disk)).percent)]
        except (OSError, psutil.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return unknown((signal,), at, f"the disk of {self._disk} can't be looked at: {reason}")

    def close(self) -> None:
        """Nothing is kept open."""
