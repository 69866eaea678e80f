"""The sandbox's PostgreSQL: a real server on loopback, with a password, started and stopped by identity."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from handrail.errors import MachineFault
from handrail.processes import ProcessIdentity
from handrail.sandbox.commands import Commands, bare_environment, descendants, end_processes, reap
from handrail.sandbox.layout import Layout
from handrail.sandbox.record import LOOPBACK, Record

ADMIN = "postgres"
RELEASED = "shop_released"
"""The database as `v1.2.3` left it, from which a reset copies."""
SERVED = "shop"
# What of production's rows may be seen in staging: customers become strangers.
_ANONYMISED_ORDERS = """\
SELECT placed, item, quantity, cents,
  CASE WHEN customer IS NULL THEN NULL ELSE 'customer-' || md5(customer || gen_random_uuid()) END
FROM orders"""
# Speed over safety: what a power cut spoils, a reset makes anew.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "unix_socket_directories": "",
    "log_min_messages": "warning",
}


class Database:
    """The server in `postgres/` and its databases. `programs` holds initdb, postgres, psql and the rest."""

    def __init__(
        self,
        layout: Layout,
        record: Record,
        commands: Commands,
        programs: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._layout = layout
        self._record = record
        self._commands = commands
        self._programs = programs
        self._environment = bare_environment(environment.get("PATH", ""), environment)

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self._layout.postgres / "data"

    def start(self) -> None:
        """Start the server, made anew where it has no data, and wait until it answers.

        Raises `MachineFault` with the server's last lines where it doesn't.
        """
        if self._record.living("database"):
            return
        reap(self._record.processes.get("database", []))
        prefix = self._as_ordinary_user()
        if not (self.data / "PG_VERSION").exists():
            with self._commands.step("Making a fresh PostgreSQL"):
                self._create(prefix)
        with self._commands.step("Starting PostgreSQL"):
            settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
            port = str(self._record.ports["database"])
            server: list[str | Path] = [
                self._programs / "postgres",
                "-D",
                self.data,
                "-h",
                LOOPBACK,
                "-p",
                port,
                *settings,
            ]
            identity = self._commands.start(
                "database", [*prefix, *server], cwd=self._layout.postgres, environment=self._environment
            )
            self._record.begun("database", identity)
            self._await(identity)

    def exists(self, name: str) -> bool:
        """Whether the server has a database of this name."""
        return name in self.query("SELECT datname FROM pg_database").splitlines()

    def create_empty(self, name: str) -> None:
        """Make an empty database, owned by the application's role; one of the same name goes."""
        self.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.query(f"CREATE DATABASE {name} OWNER shop")

    def copy(self, source: str, name: str) -> None:
        """Make a database as a copy of another; one of the same name goes, its connections with it."""
        self.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.query(f"CREATE DATABASE {name} OWNER shop TEMPLATE {source}")

    def copy_anonymised(self, target: str) -> None:
        """Fill another environment's database with production's orders as they are now, anonymised."""
        rows = self._layout.run / "orders.copy"
        try:
            self.query(f"\\copy ({' '.join(_ANONYMISED_ORDERS.split())}) TO '{rows}'", SERVED)
            self.query("TRUNCATE orders", target)
            self.query(f"\\copy orders (placed, item, quantity, cents, customer) FROM '{rows}'", target)
        finally:
            rows.unlink(missing_ok=True)

    def query(self, sql: str, database: str = "postgres") -> str:
        """Run one statement as the server's administrator and return its rows as text."""
        environment = self._environment | {
            "PGPASSWORD": self._record.passwords["admin"],
            "PGCONNECT_TIMEOUT": "5",
        }
        argv: list[str | Path] = [self._programs / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        address = ["-h", LOOPBACK, "-p", str(self._record.ports["database"]), "-U", ADMIN, "-d", database]
        return self._commands.run(
            "psql", [*argv, *address, "-c", sql], cwd=self._layout.run, environment=environment
        ).strip()

    def stop(self) -> None:
        """End the server and every process of it; connections are closed, nothing is lost."""
        servers = self._record.living("database")
        family = [identity for server in servers for identity in descendants(server)]
        end_processes(servers, signal.SIGINT, grace=10)
        end_processes(family, signal.SIGTERM, grace=2)

    def discard(self) -> None:
        """Remove the server's data; the server must have ended."""
        shutil.rmtree(self._layout.postgres, ignore_errors=True)

    def _create(self, prefix: list[str]) -> None:
        password = self._layout.postgres / "password"
        password.write_text(self._record.passwords["admin"] + "\n", encoding="utf-8")
        self._hand_over(password)
        partial = self._layout.postgres / "data.new"
        shutil.rmtree(partial, ignore_errors=True)
        options = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync", "--no-instructions"]
        who = ["-U", ADMIN, f"--pwfile={password}"]
        try:
            self._commands.run(
                "initdb",
                [*prefix, str(self._programs / "initdb"), "-D", str(partial), *who, *options],
                cwd=self._layout.postgres,
                environment=self._environment,
                what="Making a fresh PostgreSQL",
            )
        finally:
            password.unlink()
        partial.rename(self.data)

    def _await(self, identity: ProcessIdentity) -> None:
        log = self._layout.log("pg_isready")
        address = ["-q", "-h", LOOPBACK, "-p", str(self._record.ports["database"])]
        probe = [str(self._programs / "pg_isready"), *address]

        def answers() -> bool:
            if not identity.is_alive():
                return True
            try:
                self._commands.run("pg_isready", probe, cwd=self._layout.run, environment=self._environment)
            except MachineFault:
                return False
            return True

        answered = self._commands.wait_until(answers, "Starting PostgreSQL", seconds=30)
        log.unlink(missing_ok=True)
        if not answered or not identity.is_alive():
            raise MachineFault(
                "The sandbox's PostgreSQL doesn't start.",
                evidence=self._commands.tail("database"),
                still_safe="the shop's repositories and builds.",
                next_step="`handrail sandbox reset` makes the database anew.",
            )
        if not self.query("SELECT 1 FROM pg_roles WHERE rolname = 'shop'"):
            self.query(f"CREATE ROLE shop LOGIN CREATEDB PASSWORD '{self._record.passwords['shop']}'")

    def _as_ordinary_user(self) -> list[str]:
        """What goes before a command so that it doesn't run as root, which PostgreSQL refuses.

        As root, `nobody` runs it. Where that user may not enter the folders above (`/root`, a private
        temporary folder), it gets the one capability that lets it, rather than those folders new modes.
        """
        self._layout.postgres.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() != 0:
            return []
        self._hand_over(self._layout.postgres)
        user = pwd.getpwnam("nobody")
        setpriv = shutil.which("setpriv", path=self._environment["PATH"])
        if setpriv is not None:
            user_and_group = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            become = [setpriv, *user_and_group, "--no-new-privs"]
            enter = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
            trial = 'test -w "$1" && exec "$2" --version'
            files = [str(self._layout.postgres), str(self._programs / "postgres")]
            for prefix in (become, [*become, *enter]):
                try:
                    self._commands.run(
                        "setpriv",
                        [*prefix, "sh", "-c", trial, "sh", *files],
                        cwd=self._layout.run,
                        environment=self._environment,
                    )
                except MachineFault:
                    continue
                return prefix
        raise MachineFault(
            "PostgreSQL refuses to run as root, and no other user can be used here.",
            evidence=self._commands.tail("setpriv") or "the program setpriv (util-linux) is missing",
            next_step="bring the sandbox up as an ordinary user.",
        )

    def _hand_over(self, path: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(path, user.pw_uid, user.pw_gid)
