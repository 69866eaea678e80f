"""Which signals a target's probes yield: what the plan freezes, and what the sampler must keep to; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from handrail.problems import Location, one_of, quote
from handrail.project.model import Pm2
from handrail.project.probes import HostProbe, HttpProbe, LogProbe, Pm2Probe, Probe
from handrail.signals.signal import Signal, SignalKind

if TYPE_CHECKING:
    from handrail.project.model import Target

PROCESSES, RESTARTS, MEMORY, CPU = "processes", "restarts", "memory", "cpu"
HOST_CPU, HOST_MEMORY, DISK_FREE = "host cpu", "host memory", "disk free"
TIME, CERTIFICATE, RATE = "time", "certificate", "rate"


def probes_of(target: Target) -> tuple[Probe, ...]:
    """The target's probes, each with its pace; without any configured, those that have no side effect.

    User flows are among those only where they are written down: one that posts may place an order.
    """
    every = target.monitor.every
    chosen = target.monitor.probes or tuple(_default_probes(target))
    return tuple(probe if probe.every else probe.model_copy(update={"every": every}) for probe in chosen)


def _default_probes(target: Target) -> Iterator[Probe]:
    if target.app_url or target.url:
        health = HttpProbe.model_construct(path=target.health_path, past_maintenance=True)
        yield Probe.model_construct(name="health", http=health)
        page, text = target.smoke.homepage, target.smoke.homepage_text or None
        yield Probe.model_construct(
            name="homepage", http=HttpProbe.model_construct(path=page, expect_text=text)
        )
    if target.pm2 != Pm2():
        yield Probe(name="processes", pm2=Pm2Probe())
        yield Probe(name="error lines", log=LogProbe())
    yield Probe(name="machine", host=HostProbe())


def signals_of(target: Target) -> tuple[Signal, ...]:
    """Every signal of the target, in the order of its probes."""
    return tuple(signal for probe in probes_of(target) for signal in signals_of_probe(target, probe))


def signals_of_probe(target: Target, probe: Probe) -> tuple[Signal, ...]:
    """The signals that one probe yields: exactly these names appear in its samples."""
    every = (probe.every or target.monitor.every).total_seconds()
    made = _Maker(probe, source_of(target, probe), every)
    name = probe.name
    match probe.kind:
        case "http":
            assert probe.http is not None  # noqa: S101  (its kind says so)
            found = [made(name, SignalKind.OUTCOMES), made.time()]
            if base_of(target, past_maintenance=probe.http.past_maintenance).startswith("https:"):
                days = probe.http.certificate_days
                found.append(made.aside(CERTIFICATE, SignalKind.LEVEL, "days", below=days))
            return tuple(found)
        case "flow":
            return (made(name, SignalKind.OUTCOMES), made.time())
        case "access_log":
            times = [made.time()] if times_requests(probe) else []
            return (made(name, SignalKind.OUTCOMES), *times, made.aside(RATE, SignalKind.LEVEL, "/s"))
        case "log":
            return (made(name, SignalKind.COUNT),)
        case "prometheus":
            return (_prometheus(made, probe),)
        case "sql":
            unit = probe.sql.unit if probe.sql else ""
            return (made(name, SignalKind.LEVEL, unit, above=probe.above, below=probe.below),)
        case "task":
            if probe.task is None or probe.task.fact is None:
                return (made(name, SignalKind.OUTCOMES),)
            unit = probe.task.unit
            return (made(name, SignalKind.LEVEL, unit, above=probe.above, below=probe.below),)
        case "pm2":
            bounds = probe.pm2 or Pm2Probe()
            return (
                made(PROCESSES, SignalKind.OUTCOMES),
                made(RESTARTS, SignalKind.COUNT).model_copy(update={"any_is_bad": True}),
                made(MEMORY, SignalKind.LEVEL, "bytes", above=bounds.memory_above).model_copy(
                    update={"may_leak": True}
                ),
                made(CPU, SignalKind.LEVEL, "%", above=bounds.cpu_above),
            )
    limits = probe.host or HostProbe()
    return (
        made.share(HOST_CPU, above=limits.cpu_above),
        made.share(HOST_MEMORY, above=limits.memory_above),
        made.share(DISK_FREE, below=limits.disk_free_below),
    )


class _Maker:
    """Makes a probe's signals, with what all of them have in common."""

    def __init__(self, probe: Probe, source: str, every: float) -> None:
        self._probe, self._source, self._every = probe, source, every

    def __call__(
        self,
        name: str,
        kind: SignalKind,
        unit: str = "",
        *,
        above: float | None = None,
        below: float | None = None,
    ) -> Signal:
        return Signal(
            name=name,
            kind=kind,
            unit=unit,
            source=self._source,
            required=self._probe.is_required,
            above=above,
            below=below,
            every=self._every,
        )

    def share(self, name: str, *, above: float | None = None, below: float | None = None) -> Signal:
        """A level in percent of a whole."""
        made = self(name, SignalKind.LEVEL, "%", above=above, below=below)
        return made.model_copy(update={"highest": 100.0})

    def aside(self, what: str, kind: SignalKind, unit: str, *, below: float | None = None) -> Signal:
        """A signal beside the probe's own, whose silence says nothing that the own one's doesn't."""
        made = self(f"{self._probe.name} {what}", kind, unit, below=below)
        return made.model_copy(update={"required": False})

    def time(self) -> Signal:
        """How long it took; a look that went badly has none."""
        return self.aside(TIME, SignalKind.LATENCY, "ms")


def _prometheus(made: _Maker, probe: Probe) -> Signal:
    assert probe.prometheus is not None  # noqa: S101  (its kind says so)
    kind = SignalKind(probe.prometheus.kind)
    unit = probe.prometheus.unit if kind is not SignalKind.LATENCY else "ms"
    return made(probe.name, kind, unit, above=probe.above, below=probe.below)


def times_requests(probe: Probe) -> bool:
    """Whether an access log says how long requests took: JSON lines are asked, common ones say where."""
    log = probe.access_log
    if log is None:
        return False
    return "time" in log.fields if log.format == "json" else log.time_field is not None


def base_of(target: Target, *, past_maintenance: bool) -> str:
    """The address that a page is on: the public one, or past the maintenance page; empty without any."""
    first, other = (target.app_url, target.url) if past_maintenance else (target.url, target.app_url)
    return (first or other or "").rstrip("/")


def source_of(target: Target, probe: Probe) -> str:
    """Where a probe's samples come from, for people: without anything secret."""
    match probe.kind:
        case "http":
            page = probe.http or HttpProbe()
            return base_of(target, past_maintenance=page.past_maintenance) + page.path
        case "flow":
            return f"{base_of(target, past_maintenance=True)}, flow {probe.flow}"
        case "access_log":
            return str(probe.access_log.path) if probe.access_log else ""
        case "log":
            paths = probe.log.paths if probe.log else ()
            return ", ".join(map(str, paths)) or "the logs that pm2 keeps"
        case "prometheus":
            return f"{probe.prometheus.address}: {probe.prometheus.query}" if probe.prometheus else ""
        case "sql":
            return "the target's database"
        case "task":
            return f"the task {probe.task.name}" if probe.task else ""
        case "pm2":
            return "pm2"
    return "this machine"


def misfits(target: Target) -> list[tuple[Location, str, str]]:
    """What of a target's probes doesn't fit it: the place in its table, what was found, what is expected."""
    found: list[tuple[Location, str, str]] = []
    taken: dict[str, str] = {}
    for number, probe in enumerate(target.monitor.probes):
        place: Location = ("monitor", "probes", number)
        flows = [flow.name for flow in target.smoke.flows]
        if probe.flow is not None and probe.flow not in flows:
            found.append(
                ((*place, "flow"), f"the unknown flow {quote(probe.flow)}", one_of(probe.flow, flows))
            )
        if probe.kind in ("http", "flow") and not (target.url or target.app_url):
            found.append(
                ((*place, probe.kind), "a target without an address", "url or app_url in the target")
            )
        if probe.sql is not None and target.database is None:
            found.append(((*place, "sql"), "a target without a database", "a table [database] in the target"))
        for signal in signals_of_probe(target, probe):
            if signal.name in taken:
                said = f"a second signal {quote(signal.name)}; {quote(taken[signal.name])} yields one, too"
                found.append(((*place, "name"), said, "signals that each have a name of their own"))
                break
            taken[signal.name] = probe.name
    return found
