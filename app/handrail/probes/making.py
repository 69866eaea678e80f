"""From a target to the probers of its probes: the one place that knows every kind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from handrail.clock import Clock
from handrail.probes.access_log import AccessLogProber
from handrail.probes.base import Prober
from handrail.probes.children import Children
from handrail.probes.direct import Direct, Resolve, resolve
from handrail.probes.exchange import CanNotAsk, NoAnswer, Request
from handrail.probes.host import HostProber
from handrail.probes.log import LogProber
from handrail.probes.pages import FlowProber, PageProber, is_maintenance
from handrail.probes.pm2 import Pm2List, Pm2Prober
from handrail.probes.prometheus import PrometheusProber
from handrail.probes.sql import SqlProber
from handrail.probes.task import TaskProber
from handrail.project.addresses import allowed_hosts

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import Probe

MAINTENANCE_LOOK_SECONDS = 3.0


class Maker:
    """Makes a target's probers, and ends what they share: children, and pm2's list.

    `environment` is that of the process; `tasks_file` the project's, as the plan froze it.
    """

    def __init__(
        self,
        target: Target,
        clock: Clock,
        environment: Mapping[str, str],
        *,
        tasks_file: str | None = None,
        resolver: Resolve = resolve,
    ) -> None:
        self._target = target
        self._clock = clock
        self._tasks_file = tasks_file
        self._environment = _programs_environment(target, environment)
        self._children = Children()
        self._direct = Direct(allowed_hosts(target), resolver)
        self._pm2 = Pm2List(target, self._environment, clock, self._children)

    def prober(self, probe: Probe) -> Prober:
        """The prober of one probe."""
        target, clock = self._target, self._clock
        match probe.kind:
            case "http":
                return PageProber(target, probe, clock, self._direct)
            case "flow":
                return FlowProber(target, probe, clock, self._direct)
            case "access_log":
                return AccessLogProber(target, probe, clock, self._in_maintenance)
            case "log":
                paths = probe.log.paths if probe.log else ()
                seconds = probe.timeout_seconds
                return LogProber(
                    target, probe, clock, lambda: paths if paths else self._pm2.log_paths(seconds)
                )
            case "prometheus":
                return PrometheusProber(target, probe, clock, self._direct)
            case "sql":
                return SqlProber(target, probe, clock, self._children, self._environment)
            case "task":
                return TaskProber(target, probe, clock, self._children, self._environment, self._tasks_file)
            case "pm2":
                return Pm2Prober(target, probe, clock, self._pm2)
        return HostProber(target, probe, clock)

    def probers(self, probes: Iterable[Probe]) -> tuple[Prober, ...]:
        """The probers of these probes, in their order."""
        return tuple(map(self.prober, probes))

    def _in_maintenance(self) -> bool:
        """Whether the public address shows the maintenance page now."""
        if not self._target.url:
            return False
        try:
            request = Request(self._target.url, timeout=MAINTENANCE_LOOK_SECONDS)
            return is_maintenance(self._direct.ask(request), self._target.maintenance)
        except (CanNotAsk, NoAnswer):
            return False

    def close(self) -> None:
        """End every program that a prober runs."""
        self._children.close()


def _programs_environment(target: Target, inherited: Mapping[str, str]) -> dict[str, str]:
    """What programs get: the inherited environment, the target's, and its folders before PATH."""
    environment = {**inherited, **target.environment}
    folders = [str(folder) for folder in target.path]
    if folders:
        known = [environment["PATH"]] if environment.get("PATH") else []
        environment["PATH"] = os.pathsep.join([*folders, *known])
    return environment
