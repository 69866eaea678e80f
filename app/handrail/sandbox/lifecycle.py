"""Brings the sandbox up and down, resets it, and says how it is."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from handrail.errors import MachineFault, Refused
from handrail.sandbox.accounts import accounts
from handrail.sandbox.application import Application, read_json
from handrail.sandbox.commands import (
    Cancelled,
    Commands,
    Progress,
    disk_full,
    end_processes,
)
from handrail.sandbox.configuration import project_file
from handrail.sandbox.customers import USUAL_PER_SECOND
from handrail.sandbox.database import RELEASED, SERVED, Database
from handrail.sandbox.faults.control import Faults
from handrail.sandbox.layout import Layout
from handrail.sandbox.programs import Programs, find_programs
from handrail.sandbox.record import LOOPBACK, Record, holder_of, port_is_free
from handrail.sandbox.repository import SERVED_FIRST, Repository
from handrail.sandbox.service_processes import PORT_OF_PART, ServiceProcesses
from handrail.sandbox.status import SandboxStatus, look

NEEDED_BYTES = 300_000_000


@dataclass(slots=True)
class _Site:
    """One call's view of the sandbox: its parts, put together from the record and the programs."""

    record: Record
    commands: Commands
    programs: Programs
    repository: Repository
    database: Database
    application: Application
    staging: Application

    @property
    def applications(self) -> tuple[Application, ...]:
        """What is served: production, and staging where it was asked for."""
        return (self.application, self.staging) if self.record.staging else (self.application,)


class Sandbox:
    """The web shop below `root`. Every call may be repeated; one at a time changes anything.

    `environment` is the caller's; of it, little reaches the processes that stay.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.layout = Layout(root.expanduser().resolve())
        self._environment = dict(os.environ if environment is None else environment)

    @property
    def project_file(self) -> Path:
        """The `handrail.toml` of the operator's clone."""
        return self.layout.shop / "handrail.toml"

    def up(self, progress: Progress, *, staging: bool = False, per_second: float | None = None) -> None:
        """Make what is missing and start what isn't running; production keeps what it serves.

        With `staging`, from now on a second environment too; its data become production's, anonymised.
        `per_second` is how many customers come from now on, `customers.MOST_PER_SECOND` at most.
        Raises `MachineFault` where a program is missing, a port is taken, the disk is full or a part
        doesn't start; what runs by then is noted in `sandbox.json`, and `down` ends it.
        """
        with self._locked(), self._faults():
            self._up(progress, staging=staging, per_second=per_second)

    def reset(self, progress: Progress, *, new_ports: bool = False) -> None:
        """Bring it all back to `v1.2.3`: clean checkout, fresh database, no maintenance, no posts.

        The origin gets its first branches and tags back. The operator's clone is kept as it is, but for
        `handrail.toml`. With `new_ports`, free ports are chosen anew.
        """
        with self._locked(), self._faults():
            record = Record.read(self.layout.record)
            if record is None or not self._is_made():
                if record is not None and new_ports:
                    self._stop(record, progress)
                    record.choose_ports_anew()
                    record.save()
                self._up(progress)
                return
            self._reset(record, progress, new_ports=new_ports)

    def down(self, progress: Progress, *, staging: bool = False) -> None:
        """End every process that the sandbox started, by identity, and nothing else; files are kept.

        With `staging`, end that environment alone; it no longer belongs to the sandbox until it is asked for.
        """
        if not self.layout.root.exists():
            return
        with self._locked(), self._faults():
            record = Record.read(self.layout.record)
            if record is not None and not staging:
                self._stop(record, progress)
            elif record is not None and record.staging:
                self._leave_staging(record, progress)

    def mend(self, progress: Progress, names: Iterable[str] = ()) -> list[str]:
        """End these faults, or all of them, and have what was broken by them serve again.

        Returns the names of the faults that were on.
        """
        if not self.layout.root.exists():
            return []
        with self._locked(), self._faults():
            ended = Faults(self.layout).end(names)
            record = Record.read(self.layout.record)
            if ended and record is not None and record.living(self.layout.served.part):
                site = self._site(record, progress)
                site.application.recover()
                site.application.note_processes()
            return ended

    def status(self) -> SandboxStatus:
        """How the sandbox is now. Looks only; with what doesn't answer, it takes at most some seconds."""
        return look(self.layout)

    def _site(self, record: Record, progress: Progress) -> _Site:
        programs = find_programs(self.layout, self._environment)
        commands = Commands(self.layout.run, progress)
        repository = Repository(self.layout, commands, programs.git, self._environment)
        database = Database(self.layout, record, commands, programs.postgres, self._environment)
        application, staging = (
            Application(self.layout, place, record, commands, programs, self._environment)
            for place in (self.layout.served, self.layout.staged)
        )
        return _Site(record, commands, programs, repository, database, application, staging)

    def _is_made(self) -> bool:
        return (self.layout.builds / "made").exists()

    def _up(self, progress: Progress, *, staging: bool = False, per_second: float | None = None) -> None:
        record = Record.read(self.layout.record)
        if record is not None and per_second is not None:
            self._want_customers(record, per_second)
        if record is not None and self._is_made() and self._all_runs(record) and not staging:
            progress("Everything runs already.")
            return
        for folder in (self.layout.run, self.layout.builds):
            folder.mkdir(parents=True, exist_ok=True)
        self.layout.root.chmod(0o700)
        record = record or Record(self.layout.record, per_second=per_second or USUAL_PER_SECOND)
        record.save()
        if staging:
            record.want_staging()
        site = self._site(record, progress)
        if shutil.disk_usage(self.layout.root).free < NEEDED_BYTES and not self._is_made():
            raise disk_full(self.layout.root)
        self._refuse_taken_ports(site)
        if self._is_made():
            self._parallel(site, site.database.start, lambda: self._prepare_to_serve(site))
        else:
            self._make(site)
        if record.staging:
            self._prepare_staging(site, fresh_data=staging)
        self._write_project_file(site)
        for application in site.applications:
            if application.served() is None:
                application.start()
        self._services(site.record, site.commands).start(site.programs)

    def _make(self, site: _Site) -> None:
        def production() -> None:
            with site.commands.step("Making the repositories"):
                site.repository.create()
                site.record.refs = site.record.refs or site.repository.refs()
                site.record.save()
            self._build(site, site.application)

        self._parallel(site, production, site.application.install_tools, site.database.start)
        self._fill_database(site)
        (self.layout.builds / "made").touch()

    def _build(self, site: _Site, application: Application) -> None:
        application.write_settings()
        application.install()
        application.build(site.repository.commit_of(application.place.checkout))

    def _prepare_to_serve(self, site: _Site) -> None:
        site.application.install_tools()
        self._make_servable(site, site.application)

    def _make_servable(self, site: _Site, application: Application) -> None:
        """Make up for what an interrupted deployment left, so that there is something to start."""
        place = application.place
        if not place.settings.exists():
            application.write_settings()
        if application.served() is None:
            application.install()
            if not (place.checkout / "dist" / "server.js").exists():
                application.build(site.repository.commit_of(place.checkout))

    def _prepare_staging(self, site: _Site, *, fresh_data: bool) -> None:
        with site.commands.step("Making staging"):
            site.repository.create_staging()
            site.staging.install_load_tools()
            self._make_servable(site, site.staging)
            name = self.layout.staged.database
            made = site.database.exists(name)
            if not made:
                site.database.copy(RELEASED, name)
            if fresh_data or not made:
                site.database.copy_anonymised(name)

    def _reset(self, record: Record, progress: Progress, *, new_ports: bool) -> None:
        site = self._site(record, progress)
        Faults(self.layout).forget()
        self._want_customers(record, USUAL_PER_SECOND)
        if new_ports:
            self._stop(record, progress)
            record.choose_ports_anew()
            record.save()

        def applications() -> None:
            for application in site.applications:
                application.place.flag.unlink(missing_ok=True)
                application.stop()
                application.forget_pm2()
            site.repository.create()
            site.repository.restore_origin(record.refs)
            site.application.install_tools()
            for application in site.applications:
                if application is site.staging:
                    site.repository.create_staging()
                site.repository.restore(application.place.checkout)
                self._build(site, application)

        with site.commands.step(f"Bringing {SERVED_FIRST} back"):
            self._parallel(site, applications, lambda: self._start_database(site))
            if site.database.exists(RELEASED):
                site.database.copy(RELEASED, SERVED)
            else:
                self._fill_database(site)
            if record.staging:
                site.database.copy(RELEASED, self.layout.staged.database)
        self._refuse_taken_ports(site)
        for leftover in (self.layout.posts, self.layout.webhook_mode):
            leftover.unlink(missing_ok=True)
        site.repository.reviewer.forget_approvals()
        self._write_project_file(site)
        for application in site.applications:
            application.start()
        self._services(site.record, site.commands).start(site.programs)

    def _start_database(self, site: _Site) -> None:
        """Start the server; one that doesn't start on its data is made anew, empty."""
        try:
            site.database.start()
        except MachineFault as fault:
            site.commands.say(f"{fault.summary} It is made anew.")
            site.database.stop()
            site.database.discard()
            site.database.start()

    def _fill_database(self, site: _Site) -> None:
        """Make the database of the release that production has checked out, and keep a copy for resets."""
        site.database.create_empty(SERVED)
        site.application.migrate()
        site.database.copy(SERVED, RELEASED)

    def _services(self, record: Record, commands: Commands) -> ServiceProcesses:
        return ServiceProcesses(self.layout, record, commands, self._environment)

    def _write_project_file(self, site: _Site) -> None:
        programs = site.programs
        for place in (application.place for application in site.applications):
            place.database_url.touch(mode=0o600)
            place.database_url.write_text(site.record.database_url(place.database) + "\n", encoding="utf-8")
        site.repository.reviewer.list_signers()
        operators = accounts(self._environment)
        text = project_file(self.layout, site.record, programs.added, programs.postgres, operators)
        site.repository.write_project_file(text)

    def _refuse_taken_ports(self, site: _Site) -> None:
        for application in site.applications:
            application.note_processes()
        for part, name in PORT_OF_PART.items():
            if part not in site.record.parts:
                continue
            port = site.record.ports[name]
            if site.record.living(part) or port_is_free(port):
                continue
            raise MachineFault(
                f"Port {port} on {LOOPBACK}, which the sandbox's {part} uses, is taken by another program.",
                evidence=holder_of(port),
                still_safe="that program wasn't touched, and the sandbox's files are as they were.",
                next_step="end that program, or choose other ports: handrail sandbox reset --new-ports",
            )

    def _all_runs(self, record: Record) -> bool:
        places = (self.layout.served, self.layout.staged) if record.staging else (self.layout.served,)
        others = set(record.parts) - {place.part for place in places}
        if not all(record.living(part) for part in others):
            return False
        return all(read_json(f"{record.address(place.app)}/version") is not None for place in places)

    def _want_customers(self, record: Record, per_second: float) -> None:
        """Remember how many customers come; those that came at another rate are ended, to be started anew."""
        if record.per_second != per_second:
            record.per_second = per_second
            record.save()
            end_processes(record.living("traffic"), signal.SIGTERM, grace=15)

    def _stop(self, record: Record, progress: Progress) -> None:
        commands = Commands(self.layout.run, progress)
        # A process that stands still would have to be killed; on a disk that can't be written, it is.
        with suppress(OSError):
            Faults(self.layout).forget()
        with commands.step("Ending the sandbox's processes"):
            self._services(record, commands).stop()
            programs = Programs(Path(), Path(), Path(), "", (), False)
            for place in (self.layout.served, self.layout.staged):
                Application(self.layout, place, record, commands, programs, self._environment).stop()
            Database(self.layout, record, commands, Path(), self._environment).stop()
        left = [identity for part in record.parts for identity in record.living(part)]
        if left:
            raise MachineFault(
                "Some of the sandbox's processes don't end.",
                evidence="\n".join(f"pid {identity.pid}" for identity in left),
                next_step="end them by hand; they may wait for a disk.",
            )
        record.processes = {}
        # On a full disk the record keeps the identities of processes that have ended, which harms nothing.
        with suppress(OSError):
            record.save()

    def _leave_staging(self, record: Record, progress: Progress) -> None:
        site, proxy = self._site(record, progress), self.layout.staged.proxy
        with site.commands.step("Ending staging"):
            end_processes(record.living(proxy), signal.SIGTERM, grace=5)
            site.staging.stop()
        record.staging = False
        record.save()
        self._write_project_file(site)

    def _parallel(self, site: _Site, *tasks: Callable[[], None]) -> None:
        """Run tasks side by side; the first failure stops the others, and is raised."""
        with ThreadPoolExecutor(len(tasks)) as pool:
            futures = [pool.submit(task) for task in tasks]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # Also after Ctrl-C, which reaches this thread alone.
                if not all(future.done() and future.exception() is None for future in futures):
                    site.commands.cancelled.set()
        site.commands.cancelled.clear()
        failures = [fault for future in futures if (fault := future.exception()) is not None]
        for failure in failures:
            if not isinstance(failure, Cancelled):
                raise failure

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.layout.lock.open("a") as lock:
            deadline = time.monotonic() + 2
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Refused(
                            f"Another call is at work on the sandbox in {self.layout.root}.",
                            next_step="wait until it has ended, then try again.",
                        ) from None
                    time.sleep(0.1)
            yield

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full(self.layout.root) from error
            raise MachineFault(
                f"The sandbox in {self.layout.root} can't be used: {error.strerror} ({error.filename}).",
                still_safe="what runs is noted in sandbox.json.",
                next_step="mend its permissions, or put the sandbox into another folder.",
            ) from error
