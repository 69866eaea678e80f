"""How a sandbox is: each part, and what production serves. Only looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handrail.sandbox.application import read_json
from handrail.sandbox.faults.control import Faults, Values, words
from handrail.sandbox.layout import Layout
from handrail.sandbox.record import LOOPBACK, Record
from handrail.text import clean_line


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the sandbox: whether it runs, where it answers, and what else is worth knowing."""

    name: str
    running: bool
    address: str
    detail: str


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """How the sandbox is. `version` and `commit` are what production serves, `None` where it doesn't.

    `faults` are those that `handrail sandbox fault` has switched on, by name.
    """

    root: Path
    exists: bool
    parts: tuple[Part, ...]
    version: str | None
    commit: str | None
    maintenance: bool
    faults: Mapping[str, Values] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether every part runs."""
        return bool(self.parts) and all(part.running for part in self.parts)

    def lines(self) -> list[str]:
        """The status for people, a line for each part."""
        if not self.exists:
            return [f"There is no sandbox in {self.root}."]
        lines = [f"Sandbox in {self.root}"]
        for part in self.parts:
            state = "runs" if part.running else "is down"
            lines.append(f"  {part.name:<20}{state:<9}{part.address}  {part.detail}".rstrip())
        lines += ["  " + clean_line(f"on: {words(name, values)}") for name, values in self.faults.items()]
        served = f"{self.version} ({(self.commit or '')[:12]})" if self.version else "nothing"
        maintenance = ", behind the maintenance page" if self.maintenance else ""
        return [*lines, f"Production serves {served}{maintenance}."]


def look(layout: Layout) -> SandboxStatus:
    """The status of the sandbox at `layout`; with an application that hangs, it takes two seconds."""
    record = Record.read(layout.record)
    if record is None:
        return SandboxStatus(layout.root, False, (), None, None, False)
    served = read_json(f"{record.address('app')}/version")
    addresses = {
        "database": f"{LOOPBACK}:{record.ports['database']}",
        "application": record.address("app"),
        "proxy": record.address("public"),
        "webhook": record.address("webhook"),
        "traffic": f"{record.per_second:g} requests a second",
        "prometheus": record.address("prometheus"),
    }
    answers = {layout.served.part: served is not None}
    if record.staging:
        staged = layout.staged
        addresses |= {staged.part: record.address(staged.app), staged.proxy: record.address(staged.public)}
        answers[staged.part] = read_json(f"{record.address(staged.app)}/version") is not None
    parts = []
    for name in record.parts:
        living = record.living(name)
        running = answers.get(name, bool(living))
        pids = "pid " + ", ".join(str(identity.pid) for identity in living) if living else ""
        parts.append(Part(name, running, addresses[name], pids))
    version = str(served["version"]) if served else None
    commit = str(served["commit"]) if served else None
    faults = Faults(layout).active()
    return SandboxStatus(layout.root, True, tuple(parts), version, commit, layout.flag.exists(), faults)
