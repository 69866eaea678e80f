"""The application's processes, as `pm2 jlist` shows them: online, restarts, memory, processor time."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.clock import Clock, Instant
from handrail.probes.base import sample, unknown
from handrail.probes.children import Children
from handrail.probes.exchange import CanNotAsk
from handrail.probes.pm2_list import INHERITED, Instance, NotAList, of_target, parse
from handrail.project.signals import signals_of_probe
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import Probe

PATHS_GOOD_FOR = timedelta(minutes=1)


class Pm2List:
    """pm2's list of the target's processes, for whoever needs it: it costs a third of a second of node."""

    def __init__(
        self, target: Target, environment: Mapping[str, str], clock: Clock, children: Children
    ) -> None:
        self._target = target
        self._clock = clock
        self._children = children
        self._lock = threading.Lock()
        self._known: tuple[Instant, tuple[Instance, ...]] | None = None
        # pm2 may start its daemon, which keeps its starter's environment for ever: no secret lives on in it.
        names = (*INHERITED, *target.environment)
        self._environment = {
            name: value
            for name, value in environment.items()
            if any(fnmatchcase(name, pattern) for pattern in names)
        }
        if target.pm2.home:
            self._environment["PM2_HOME"] = str(target.pm2.home)

    def now(self, seconds: float) -> tuple[Instance, ...]:
        """The processes at this moment. Raises `CanNotAsk`."""
        argv = (*self._target.pm2.program, "jlist", "--silent")
        folder = self._target.checkout if self._target.checkout.is_dir() else Path("/")
        ended = self._children.run(argv, self._environment, folder, seconds)
        if ended.code:
            raise CanNotAsk(f"pm2 can't list its processes (exit code {ended.code})")
        try:
            found = of_target(parse(ended.output), self._target.pm2.names)
        except (NotAList, ValueError, TypeError, AttributeError) as error:
            raise CanNotAsk("pm2 gave no list of processes that can be read") from error
        with self._lock:
            self._known = (self._clock.now(), found)
        return found

    def log_paths(self, seconds: float) -> Sequence[Path]:
        """The files that the processes log to, as of a minute ago at most. Raises `CanNotAsk`."""
        with self._lock:
            known = self._known
        if known is None or self._clock.now().since(known[0]) > PATHS_GOOD_FOR:
            try:
                found = self.now(seconds)
            except CanNotAsk:
                if known is None:
                    raise
                found = known[1]
        else:
            found = known[1]
        return sorted({path for i in found for path in (i.out_log, i.error_log) if path is not None})


def restarts_since(before: Mapping[int, int], found: Sequence[Instance]) -> int:
    """How often the processes were restarted since `before` (restarts by id).

    One that wasn't there before has only its own; a count that fell began anew with a new process.
    """
    count = 0
    for instance in found:
        known = before.get(instance.id, 0)
        count += instance.restarts - known if instance.restarts >= known else instance.restarts
    return count


class Pm2Prober:
    """Each process is online or not; what was restarted since the look before; what all of them use."""

    dated_at_start = False

    def __init__(self, target: Target, probe: Probe, clock: Clock, listed: Pm2List) -> None:
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._clock = clock
        self._listed = listed
        self._before: dict[int, int] | None = None

    def look(self) -> list[Sample]:
        """Have pm2 list its processes."""
        try:
            found = self._listed.now(self.timeout)
        except CanNotAsk as error:
            return unknown(self.signals, self._clock.now(), error.summary)
        at = self._clock.now()
        processes, restarts, memory, cpu = self.signals
        if not found:
            why = "pm2 keeps no process of this application"
            return [sample(processes, at, 1.0, why), *unknown((restarts, memory, cpu), at, why)]
        samples = [
            sample(processes, at, float(not i.online), "" if i.online else f"{i.name} {i.id} is {i.status}")
            for i in found
        ]
        before, self._before = self._before, {i.id: i.restarts for i in found}
        if before is not None:
            count = restarts_since(before, found)
            samples.append(
                sample(
                    restarts, at, float(count), f"{count} restart{'s' if count > 1 else ''}" if count else ""
                )
            )
        samples.append(sample(memory, at, float(sum(i.memory for i in found))))
        samples.append(sample(cpu, at, sum(i.cpu for i in found)))
        return samples

    def close(self) -> None:
        """The list's program is ended with all other children."""
