"""What a sandbox must remember between calls: ports, passwords, and the processes that it started."""

from __future__ import annotations

import json
import random
import secrets
import signal
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from handrail.errors import MachineFault
from handrail.processes import ProcessIdentity
from handrail.sandbox.commands import end_processes
from handrail.sandbox.customers import USUAL_PER_SECOND
from handrail.sandbox.layout import PARTS, STAGING_PARTS

PORTS = ("public", "app", "webhook", "database", "prometheus")
STAGING_PORTS = ("staging public", "staging app")
LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections, so that a port chosen
# today is likely free tomorrow.
PORT_RANGE = range(20_000, 32_000)
FORMAT = 1


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_ports(names: Sequence[str] = PORTS) -> dict[str, int]:
    """A free loopback port for each of the names."""
    if not names:
        return {}
    candidates = random.SystemRandom().sample(PORT_RANGE, 400)
    free = [port for port in candidates if port_is_free(port)][: len(names)]
    if len(free) < len(names):
        raise MachineFault(
            f"{len(names)} free ports were not found on {LOOPBACK} from {PORT_RANGE.start} to"
            f" {PORT_RANGE.stop}.",
            next_step="end what listens there, then try again.",
        )
    return dict(zip(names, free, strict=True))


def holder_of(port: int) -> str:
    """Which process listens on a port, for a message; empty where the system doesn't say."""
    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid}) listens there"
    except psutil.Error:
        pass
    return ""


@dataclass(slots=True)
class Record:
    """The content of `sandbox.json`; every change is written at once."""

    path: Path
    ports: dict[str, int] = field(default_factory=choose_ports)
    passwords: dict[str, str] = field(
        default_factory=lambda: {name: secrets.token_urlsafe(18) for name in ("admin", "shop", "session")}
    )
    processes: dict[str, list[ProcessIdentity]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    staging: bool = False
    per_second: float = USUAL_PER_SECOND
    _writing: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """The record at `path`; `None` where there is no sandbox yet.

        Raises `MachineFault` where it is damaged, since its processes could then not be found.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']}")
            processes = {
                part: [ProcessIdentity(**identity) for identity in identities]
                for part, identities in content["processes"].items()
            }
            ports: dict[str, int] = content["ports"]
            # A sandbox of an earlier handrail has fewer.
            ports |= choose_ports([name for name in PORTS if name not in ports])
            staging = bool(content.get("staging", False))
            per_second = float(content.get("customers per second", USUAL_PER_SECOND))
            return cls(path, ports, content["passwords"], processes, content["refs"], staging, per_second)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MachineFault(
                f"The sandbox's record {path} is damaged: {error}.",
                still_safe="nothing was started or ended.",
                next_step=f"end what still runs below {path.parent}, delete it, and bring it up anew.",
            ) from error

    def save(self) -> None:
        """Write the record so that it is whole at every moment; for its owner alone."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "ports": self.ports,
            "passwords": self.passwords,
            "refs": self.refs,
            "staging": self.staging,
            "customers per second": self.per_second,
            "processes": {
                part: [identity.as_dict() for identity in identities]
                for part, identities in self.processes.items()
            },
        }
        with self._writing:
            partial = self.path.with_suffix(".partial")
            partial.touch(mode=0o600)
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            partial.replace(self.path)

    def started(self, part: str, *identities: ProcessIdentity) -> None:
        """Remember processes of a part beside those of it that still live."""
        living = [identity for identity in self.processes.get(part, []) if identity.is_alive()]
        self.processes[part] = [*living, *(each for each in identities if each not in living)]
        self.save()

    def begun(self, part: str, identity: ProcessIdentity) -> None:
        """Remember a process that has just been started; one that can't be noted is ended again."""
        try:
            self.started(part, identity)
        except OSError:
            end_processes([identity], signal.SIGTERM, grace=5)
            raise

    def living(self, part: str) -> list[ProcessIdentity]:
        """The processes of a part that still run."""
        return [identity for identity in self.processes.get(part, []) if identity.is_alive()]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that belong to this sandbox, in the order in which they start."""
        return (*PARTS, *STAGING_PARTS) if self.staging else PARTS

    def choose_ports_anew(self) -> None:
        """Choose free ports for all that needs one."""
        self.ports = choose_ports((*PORTS, *STAGING_PORTS) if self.staging else PORTS)

    def want_staging(self) -> None:
        """Remember that staging belongs to this sandbox, with ports of its own."""
        missing = [name for name in STAGING_PORTS if name not in self.ports]
        self.ports = {**self.ports, **choose_ports(missing)}
        self.passwords.setdefault("staging session", secrets.token_urlsafe(18))
        self.staging = True
        self.save()

    def session_secret(self, environment: str) -> str:
        """What an environment signs its sessions with: no environment knows another's."""
        name = "session" if environment == "production" else f"{environment} session"
        return self.passwords[name]

    def address(self, port: str) -> str:
        """The HTTP address of one of the ports."""
        return f"http://{LOOPBACK}:{self.ports[port]}"

    def database_url(self, database: str = "shop") -> str:
        """The address of the application's database, with its password."""
        return f"postgresql://shop:{self.passwords['shop']}@{LOOPBACK}:{self.ports['database']}/{database}"
