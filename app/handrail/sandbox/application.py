"""The web shop in one environment: installed, built, migrated, and run by pm2."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from handrail.errors import MachineFault
from handrail.processes import ProcessIdentity
from handrail.sandbox.commands import (
    Commands,
    bare_environment,
    descendants,
    end_processes,
    network_environment,
)
from handrail.sandbox.layout import Environment, Layout
from handrail.sandbox.programs import Programs
from handrail.sandbox.record import Record

ECOSYSTEM = "ecosystem.config.cjs"
_TOOLS = Path(__file__).parent / "tools"
_LOAD_TOOLS = Path(__file__).parent / "load"
_PRELOAD = Path(__file__).parent / "faults" / "preload.cjs"
_DAEMON_TITLE = re.compile(r"^PM2 v\S+: God Daemon \((/.*)\)")
_GIVEN_UP = frozenset({"errored", "stopped"})
_NPM_MEND = (
    "look at the network and the npm registry's settings (`npm ping`), then bring the sandbox up again."
)


class Application:
    """An environment's checkout, its build, and the pm2 that serves it."""

    def __init__(
        self,
        layout: Layout,
        place: Environment,
        record: Record,
        commands: Commands,
        programs: Programs,
        environment: Mapping[str, str],
    ) -> None:
        self._layout = layout
        self.place = place
        self._record = record
        self._commands = commands
        self._programs = programs
        self._download = network_environment(programs.path, environment)
        self._plain = bare_environment(programs.path, environment)

    def install_tools(self) -> None:
        """Install pm2 into the sandbox's own tools, unless this very version is there."""
        self._install_package(_TOOLS, self._layout.tools, "Installing pm2")

    def install_load_tools(self) -> None:
        """The same for the load tool, which staging alone needs."""
        self._install_package(_LOAD_TOOLS, self._layout.load_tools, "Installing autocannon")

    def _install_package(self, package: Path, folder: Path, what: str) -> None:
        stamp = folder / "installed"
        wanted = hashlib.sha256((package / "package-lock.json").read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
            return
        folder.mkdir(exist_ok=True)
        for name, target in (
            ("package.json", "package.json"),
            ("package-lock.json", "package-lock.json"),
            ("dot-npmrc", ".npmrc"),
        ):
            shutil.copyfile(package / name, folder / target)
        self._npm_ci(folder, folder.name, what)
        stamp.write_text(wanted, encoding="ascii")

    def write_settings(self) -> None:
        """Write the application's `.env`, and what it names."""
        self._layout.faults.mkdir(exist_ok=True)
        shutil.copyfile(_PRELOAD, self._layout.preload)
        settings = {
            "DATABASE_URL": self._record.database_url(self.place.database),
            "SESSION_SECRET": self._record.session_secret(self.place.name),
            "PORT": str(self._record.ports[self.place.app]),
            "PRELOAD": str(self._layout.preload),
        }
        path = self.place.settings
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")

    def install(self) -> None:
        """`npm ci` in the checkout, unless what its lock asks for is there."""
        folder = self.place.checkout
        if _locked_packages(folder / "node_modules" / ".package-lock.json") != _locked_packages(
            folder / "package-lock.json"
        ):
            self._npm_ci(folder, "install", "Installing the shop's dependencies")

    def build(self, commit: str) -> None:
        """Build the checkout's `commit`; a build of it that was kept is put back instead."""
        kept, dist = self._layout.builds / commit, self.place.checkout / "dist"
        if not kept.exists():
            with self._commands.step("Building the shop"):
                self._npm("build", "run", "build", environment=self._plain | {"BUILD_PACE_MS": "0"})
            partial = self._layout.builds / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(dist, partial)
            partial.rename(kept)
            return
        shutil.rmtree(dist, ignore_errors=True)
        shutil.copytree(kept, dist)

    def migrate(self) -> None:
        """Run the pending migrations of the checkout."""
        with self._commands.step("Migrating the database"):
            self._npm("migrate", "run", "migrate:prod", environment=self._plain)

    def start(self) -> None:
        """Have pm2 serve what is built, and wait until it answers. Raises `MachineFault` where it doesn't."""
        with self._commands.step("Starting the shop under pm2"):
            # pm2's daemon keeps the environment and the folder of whoever starts it: give it little.
            self._commands.run(
                "pm2",
                [self._layout.pm2, "startOrReload", ECOSYSTEM, "--update-env", "--silent"],
                cwd=self.place.checkout,
                environment=self._plain | {"PM2_HOME": str(self.place.pm2_home)},
                what="Starting the shop under pm2",
            )
            self.note_processes()
            if not self._commands.wait_until(lambda: self.served() is not None, "Waiting for the shop", 15):
                logs = sorted((self.place.pm2_home / "logs").glob("*error*"))
                text = "\n".join(each.read_text(encoding="utf-8", errors="replace") for each in logs)
                raise MachineFault(
                    "The shop doesn't answer after its start.",
                    evidence="\n".join(text.splitlines()[-12:]),
                    next_step="read the lines above; `handrail sandbox reset` brings v1.2.3 back.",
                )
            self.note_processes()

    def recover(self) -> None:
        """Start again what pm2 has given up, as after many crashes; leave it alone where all is well."""
        found: set[str] = set()

        def settled() -> bool:
            found.clear()
            found.update(self._pm2_statuses())
            return bool(found & _GIVEN_UP) or (found == {"online"} and self.served() is not None)

        if (
            not self._commands.wait_until(settled, "Waiting for the shop's processes", 60)
            or found & _GIVEN_UP
        ):
            self.start()

    def _pm2_statuses(self) -> list[str]:
        """What pm2 says of each of the shop's processes."""
        listed = self._commands.run(
            "pm2",
            [self._layout.pm2, "jlist", "--silent"],
            cwd=self.place.checkout,
            environment=self._plain | {"PM2_HOME": str(self.place.pm2_home)},
            what="Listing the shop's processes",
        )
        try:
            return [str(each["pm2_env"]["status"]) for each in json.loads(listed[listed.index("[") :])]
        except (ValueError, KeyError, TypeError):
            return []

    def served(self) -> dict[str, Any] | None:
        """What `/version` of the application says; `None` where it doesn't answer."""
        return read_json(f"{self._record.address(self.place.app)}/version")

    def daemons(self) -> list[ProcessIdentity]:
        """The pm2 daemons of this sandbox, whoever started them; known by the home in their title."""
        homes = ((process.pid, _home_of_daemon(process)) for process in psutil.process_iter())
        found = (ProcessIdentity.of(pid) for pid, home in homes if home == self.place.pm2_home)
        return [identity for identity in found if identity is not None]

    def note_processes(self) -> None:
        """Remember the daemons and the workers below them."""
        self._record.started(self.place.part, *self._family())

    def stop(self) -> None:
        """End pm2's daemon, which ends its workers, then whatever of them is left."""
        everything = [*self._record.living(self.place.part), *self._family()]
        end_processes(self.daemons(), signal.SIGTERM, grace=12)
        end_processes(everything, signal.SIGTERM, grace=3)

    def forget_pm2(self) -> None:
        """Remove pm2's logs and memory of the shop; its daemon must have ended."""
        shutil.rmtree(self.place.pm2_home, ignore_errors=True)

    def _family(self) -> list[ProcessIdentity]:
        daemons = self.daemons()
        return [*daemons, *(worker for daemon in daemons for worker in descendants(daemon))]

    def _npm_ci(self, folder: Path, name: str, what: str) -> None:
        with self._commands.step(what):
            self._commands.run(
                name,
                [self._programs.npm, "ci", "--no-progress", "--include=dev"],
                cwd=folder,
                environment=self._download,
                what=what,
                seconds=240,
                next_step=_NPM_MEND,
            )

    def _npm(self, name: str, *arguments: str, environment: Mapping[str, str]) -> None:
        self._commands.run(
            name, [self._programs.npm, *arguments], cwd=self.place.checkout, environment=environment
        )


def _home_of_daemon(process: psutil.Process) -> Path | None:
    """The PM2_HOME that a pm2 daemon has in its title; `None` for any other process."""
    try:
        title = _DAEMON_TITLE.search(" ".join(process.cmdline()))
    except psutil.Error:
        return None
    return Path(title[1]).resolve() if title else None


def _locked_packages(lock: Path) -> dict[str, str] | None:
    try:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return None
    return {name: package.get("version", "") for name, package in packages.items() if name}


def read_json(url: str, seconds: float = 2.0) -> dict[str, Any] | None:
    """The JSON object at a loopback address; `None` where there is no such answer in time."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as answer:
            content = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return content if isinstance(content, dict) else None
