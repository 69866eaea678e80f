"""What `handrail.toml` can say of a project and its targets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from handrail.errors import MachineFault, WrongUsage
from handrail.problems import suggestion
from handrail.values import Duration, Frozen, TriggerClass

DEFAULT_DEADLINES = {TriggerClass.IMMEDIATE: "5m", TriggerClass.FAST: "15m", TriggerClass.CONSIDERED: "30m"}


class Secret(Frozen):
    """A value that is named here and never written here: it stands in a file or in the environment."""

    env: str | None = None
    file: Path | None = None
    value: str | None = Field(
        default=None, description="For values that are no secret, such as a test database"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.env, self.file, self.value)) != 1:
            raise ValueError("exactly one of env, file or value")
        return self

    def reveal(self) -> str:
        """The value itself. Raises `MachineFault` where its source is missing."""
        if self.value is not None:
            return self.value
        if self.env is not None:
            if found := os.environ.get(self.env):
                return found
            raise MachineFault(
                f"The environment variable {self.env}, which holds a secret of the target, isn't set.",
                next_step=f"set {self.env} in the shell that opens the run, and open it anew: a run keeps the"
                " environment that it was opened in. A secret in a file can be mended under an open run.",
            )
        source = self.file or Path()
        try:
            return source.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise MachineFault(
                f"The file {self.file}, which holds a secret of the target, can't be read: {error.strerror}.",
                next_step="correct its path in handrail.toml, or its permissions.",
            ) from error


def _secret(value: object) -> object:
    return {"value": value} if isinstance(value, str) else value


SecretValue = Annotated[Secret, BeforeValidator(_secret)]


def _address(value: str) -> str:
    scheme, _, host = value.partition("://")
    if scheme not in ("http", "https") or not host.strip("/"):
        raise ValueError("an address that begins with http:// or https://")
    return value


Address = Annotated[str, AfterValidator(_address)]


class Announce(Frozen):
    """Where a deployment is announced (deployment-workflow.md, Step 1)."""

    webhook: SecretValue
    channel: str = "#deployments"


class Maintenance(Frozen):
    """How maintenance is put up and taken down, and how it is recognised from outside."""

    enable: tuple[str, ...] = ("./scripts/enable-maintenance.sh",)
    disable: tuple[str, ...] = ("./scripts/disable-maintenance.sh",)
    marker: str = Field(default="maintenance", description="Text that only the maintenance page has")


class Pm2(Frozen):
    """The application's process list. `home` is its PM2_HOME; `ecosystem` starts what isn't running yet."""

    home: Path | None = None
    program: tuple[str, ...] = ("pm2",)
    ecosystem: str | None = None
    names: tuple[str, ...] = ()
    settle: Duration = Field(default="10s", validate_default=True)


class Database(Frozen):
    """The application's database; `programs` is the folder that holds a pg_dump fit for its server."""

    url: SecretValue
    programs: Path | None = None
    migrations: str = "migrations"
    migrations_table: str = Field(default="pgmigrations", pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$")
    migrate_script: str = "migrate:prod"
    down_script: str = "migrate:down"
    dry_run_script: str = Field(
        default="migrate:dry-run", description="Prints the SQL of pending migrations, and runs none of it"
    )
    backups: Path = Path("backups")


class Flow(Frozen):
    """A user flow: requests in order, each with what its answer must have."""

    name: str
    requests: tuple[FlowRequest, ...]


class FlowRequest(Frozen):
    """One request of a flow. `path` is on the target's application address; cookies go along."""

    path: str
    method: str = "GET"
    form: dict[str, str] = Field(default_factory=dict)
    expect_status: int = 200
    expect_text: str | None = None


class Smoke(Frozen):
    """What is looked at right after a deployment (deployment-workflow.md, Step 4)."""

    homepage: str = "/"
    homepage_text: str | None = None
    flows: tuple[Flow, ...] = ()
    dashboards: tuple[str, ...] = ()
    error_patterns: tuple[str, ...] = ("error", "exception", "fatal")


class Monitor(Frozen):
    """The watch after a deployment (deployment-workflow.md, Step 5)."""

    duration: Duration = Field(default="30m", validate_default=True)
    every: Duration = Field(default="10s", validate_default=True)


class Target(Frozen):
    """What is deployed to: its checkout, addresses, process list, database and limits.

    `url` is the public address; `app_url` reaches the application past the maintenance page, and
    equals `url` where nothing stands between.
    """

    name: str = ""
    production: bool = False
    checkout: Path = Path()
    remote: str = "origin"
    branch: str = "main"
    url: Address | None = None
    app_url: Address | None = None
    version_path: str = "/version"
    health_path: str = "/healthz"
    on_call: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    path: tuple[Path, ...] = Field(default=(), description="Folders put before PATH")
    announce: Announce | None = None
    maintenance: Maintenance = Maintenance()
    pm2: Pm2 = Field(default_factory=Pm2)
    database: Database | None = None
    smoke: Smoke = Field(default_factory=Smoke)
    monitor: Monitor = Field(default_factory=Monitor)
    deadlines: dict[TriggerClass, Duration] = Field(
        default_factory=lambda: dict(DEFAULT_DEADLINES), validate_default=True
    )
    never_waive: tuple[str, ...] = ()


class Project(Frozen):
    """One `handrail.toml`, its paths made absolute; `root` is the folder that it lies in.

    `digest` is the SHA-256 of the file's bytes, in hexadecimal.
    """

    root: Path = Path()
    digest: str = ""
    name: str = ""
    runbooks: tuple[Path, ...] = (Path("runbooks"),)
    tasks: Path | None = None
    state: Path | None = None
    default_target: str | None = None
    targets: dict[str, Target] = Field(default_factory=dict)

    def target(self, name: str | None = None) -> Target:
        """The target of that name; without one the default target, or the only target.

        Raises `WrongUsage`, which names the known targets.
        """
        known = ", ".join(self.targets) or "none"
        wanted = name or self.default_target
        if wanted is None and len(self.targets) == 1:
            wanted = next(iter(self.targets))
        if wanted is None:
            raise WrongUsage(
                f"{self.root / 'handrail.toml'} has {'several targets' if self.targets else 'no target'}.",
                still_safe="nothing was started.",
                next_step=f"name one of its targets: {known}, or set default_target."
                if self.targets
                else "write a table [targets.NAME] into it.",
            )
        if wanted not in self.targets:
            raise WrongUsage(
                f"There is no target {wanted!r} in {self.root / 'handrail.toml'}"
                f"{suggestion(wanted, self.targets) or '.'}",
                still_safe="nothing was started.",
                next_step=f"name one of its targets: {known}.",
            )
        return self.targets[wanted]


Flow.model_rebuild()
