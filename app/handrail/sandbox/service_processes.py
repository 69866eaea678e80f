"""The processes around the application: the proxy before it, its visitors, and the team's channel."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from handrail.errors import MachineFault
from handrail.sandbox.commands import Commands, bare_environment, end_processes
from handrail.sandbox.layout import Environment, Layout
from handrail.sandbox.programs import Programs
from handrail.sandbox.record import Record, port_is_free

PORT_OF_PART = {
    "database": "database",
    "application": "app",
    "proxy": "public",
    "webhook": "webhook",
    "prometheus": "prometheus",
    "staging application": "staging app",
    "staging proxy": "staging public",
}
SERVICES = ("webhook", "proxy", "traffic", "prometheus", "staging proxy")


@dataclass(frozen=True, slots=True)
class ServiceProcesses:
    """What `services/` has the programs of, for production and, where it was asked for, staging."""

    layout: Layout
    record: Record
    commands: Commands
    environment: Mapping[str, str]

    def start(self, programs: Programs) -> None:
        """Start what doesn't run yet, and wait until it listens. Raises `MachineFault` where it doesn't."""
        record, layout = self.record, self.layout
        public, app, webhook = (str(record.ports[name]) for name in ("public", "app", "webhook"))
        files = {"--posts": layout.posts, "--mode": layout.webhook_mode}
        served, staged = layout.served, layout.staged
        arguments: dict[str, list[str]] = {
            "webhook": [
                "receiver",
                "--port",
                webhook,
                *(str(part) for pair in files.items() for part in pair),
            ],
            "proxy": _proxy(public, app, served),
            "prometheus": ["prometheus", "--port", str(record.ports["prometheus"])],
            "traffic": ["traffic", "--port", public, "--log", str(layout.traffic)],
        }
        sources = {"--access-log": served.access_log, "--pm2-home": served.pm2_home}
        sources["--mode"] = layout.prometheus_mode
        arguments["prometheus"] += [str(part) for pair in sources.items() for part in pair]
        arguments["traffic"] += ["--per-second", str(record.per_second)]
        if record.staging:
            public, app = str(record.ports[staged.public]), str(record.ports[staged.app])
            arguments[staged.proxy] = _proxy(public, app, staged)
        environment = bare_environment(programs.path, self.environment)
        if "PYTHONPATH" in self.environment:
            environment["PYTHONPATH"] = self.environment["PYTHONPATH"]
        with self.commands.step("Starting proxy, webhook receiver, Prometheus' stand-in and traffic"):
            for part, (module, *rest) in arguments.items():
                if record.living(part):
                    continue
                argv = [sys.executable, "-P", "-m", f"handrail.sandbox.services.{module}", *rest]
                identity = self.commands.start(part, argv, cwd=layout.run, environment=environment)
                record.begun(part, identity)
                if part in PORT_OF_PART:
                    self._await(part)

    def _await(self, part: str) -> None:
        port = self.record.ports[PORT_OF_PART[part]]

        def listens() -> bool:
            return not self.record.living(part) or not port_is_free(port)

        self.commands.wait_until(listens, f"Starting the {part}", seconds=15)
        if not self.record.living(part) or port_is_free(port):
            raise MachineFault(
                f"The sandbox's {part} doesn't start on port {port}.",
                evidence=self.commands.tail(part),
                next_step="mend what the lines above say, then bring the sandbox up again.",
            )

    def stop(self) -> None:
        """End those that run."""
        services = [identity for part in SERVICES for identity in self.record.living(part)]
        end_processes(services, signal.SIGTERM, grace=5)


def _proxy(port: str, application: str, place: Environment) -> list[str]:
    """The arguments of an environment's proxy."""
    files = ["--flag", str(place.flag), "--log", str(place.access_log)]
    return ["proxy", "--port", port, "--upstream", application, *files]
