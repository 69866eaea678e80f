"""What `handrail.toml` can say of a project and its targets."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from handrail.errors import WrongUsage
from handrail.problems import suggestion
from handrail.project.addresses import host_of, refusal_of_host
from handrail.project.monitor import Monitor
from handrail.project.secret import Secret, SecretValue
from handrail.project.staging import Mirror, Scenarios, SetAside, StagingRule
from handrail.project.visibility import Visibility
from handrail.project.window import Window
from handrail.values import Arguments, Duration, Frozen, TaskName, TriggerClass

DEFAULT_DEADLINES = {TriggerClass.IMMEDIATE: "5m", TriggerClass.FAST: "15m", TriggerClass.CONSIDERED: "30m"}


def _address(value: str) -> str:
    scheme, _, host = value.partition("://")
    if scheme not in ("http", "https") or not host.strip("/"):
        raise ValueError("an address that begins with http:// or https://")
    if refused := refusal_of_host(host_of(value)):
        raise ValueError(f"an address of the application: {refused}")
    return value


Address = Annotated[str, AfterValidator(_address)]


class Announce(Frozen):
    """Where a deployment is announced (deployment-workflow.md, Step 1).

    An incoming `webhook` posts message by message; a bot's `token` (Slack's chat.postMessage) keeps a
    run's messages in one thread.
    """

    webhook: SecretValue | None = None
    token: SecretValue | None = None
    api: str = "https://slack.com/api"
    channel: str = "#deployments"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook is None) == (self.token is None):
            raise ValueError("exactly one of webhook or token")
        return self


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
    rehearsals: Path = Field(
        default=Path("rehearsals.jsonl"),
        description="The record of migrations' ways down, rehearsed on staging",
    )
    admin_url: SecretValue | None = Field(
        default=None, description="A role that may create and rename databases; the application's by default"
    )
    scratch_url: SecretValue | None = Field(
        default=None, description="Another server where backups are tried; the application's own by default"
    )
    maintenance_database: str = Field(
        default="postgres", description="The database that is connected to while another one is renamed"
    )


class FlowRequest(Frozen):
    """One request of a flow. `path` is on the target's application address; cookies go along."""

    path: str
    method: str = "GET"
    form: dict[str, str] = Field(default_factory=dict)
    expect_status: int = 200
    expect_text: str | None = None


class Flow(Frozen):
    """A user flow: requests in order, each with what its answer must have."""

    name: str
    requests: tuple[FlowRequest, ...]


class Smoke(Frozen):
    """What is looked at right after a deployment (deployment-workflow.md, Step 4)."""

    homepage: str = "/"
    homepage_text: str | None = None
    flows: tuple[Flow, ...] = ()
    dashboards: tuple[str, ...] = ()
    error_patterns: tuple[str, ...] = ("error", "exception", "fatal")


class RequiredCheck(Frozen):
    """A check that every run against the target must pass, whatever its runbook says.

    It stands before each step that runs the task `before`, else before the first step that changes
    anything. Its arguments may hold `${param.…}` and `${facts.…}`. `timeout` is the gate's own by default.
    """

    check: TaskName
    arguments: Arguments = Field(alias="with")
    before: TaskName | None = None
    timeout: Duration | None = None


def _required_check(value: object) -> object:
    return {"check": value} if isinstance(value, str) else value


class GitHub(Frozen):
    """The repository at GitHub, asked for the CI's verdict and for reviews; nothing but `api` is contacted.

    `checks` names those that must have passed; without names, every one must have.
    """

    repository: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+$")
    api: str = Field(default="https://api.github.com", pattern=r"^https?://[^\s?#@]+$")
    token: Secret | None = None
    checks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _keeps_its_token(self) -> Self:
        if self.token is None:
            return self
        if self.token.value is not None:
            raise ValueError("a token that stands elsewhere: token = {env = …} or {file = …}")
        if not re.match(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/]", f"{self.api}/"):
            raise ValueError("an api by https: a token isn't sent in the clear")
        return self


def _scripts(value: object) -> object:
    if isinstance(value, list | tuple) and all(isinstance(script, str) for script in value):
        return {str(script).rpartition(":")[2]: script for script in value}
    return value


class Suite(SetAside):
    """How the application's tests are known to pass (deployment-workflow.md, Pre-Deployment Checklist 1).

    `by = "run"` runs the npm scripts here, by kind; `by = "ci"` takes the CI's verdict. `without` gives the
    reason for each kind that there is none of. The scripts get none of the target's own environment, which
    may lead to its database, but only `environment`.
    """

    by: Literal["run", "ci"] | None = None
    scripts: Annotated[dict[str, str], BeforeValidator(_scripts)] = Field(
        default_factory=lambda: {kind: f"test:{kind}" for kind in ("unit", "integration", "e2e")}
    )
    without: dict[str, str] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)


class TeamMember(Frozen):
    """The names by which one member of the team is known: accounts here, logins, addresses, principals."""

    users: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()


class Review(SetAside):
    """Where approvals are found, and how many it takes (deployment-workflow.md, Checklist 2).

    Any of the sources suffices. `people` tells who is who, so that nobody approves their own work.
    `allowed_signers` lists the team's SSH keys, as ssh-keygen(1) reads them.
    """

    source: Annotated[
        tuple[Literal["github", "trailers", "signed"], ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    ] = ()
    minimum: int = Field(default=1, ge=1)
    people: tuple[TeamMember, ...] = ()
    allowed_signers: Path | None = None
    approvals: Path = Path("approvals")


class Hotfix(Frozen):
    """How small an emergency's change should be: above this, its size is a warning."""

    max_files: int = Field(default=5, ge=1)
    max_lines: int = Field(default=50, ge=1)


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
    maintenance: Maintenance = Field(default_factory=Maintenance)
    pm2: Pm2 = Field(default_factory=Pm2)
    database: Database | None = None
    smoke: Smoke = Field(default_factory=Smoke)
    monitor: Monitor = Field(default_factory=Monitor)
    hotfix: Hotfix = Field(default_factory=Hotfix)
    staging: StagingRule | None = None
    mirror: Mirror | None = None
    scenarios: Scenarios = Field(default_factory=Scenarios)
    deadlines: dict[TriggerClass, Duration] = Field(
        default_factory=lambda: dict(DEFAULT_DEADLINES), validate_default=True
    )
    on_deadline: dict[TriggerClass, Literal["alert", "rollback"]] = Field(
        default_factory=dict,
        description="What happens at the last safe moment of a trigger: alert (default), or rollback",
    )
    require: tuple[Annotated[RequiredCheck, BeforeValidator(_required_check)], ...] = ()
    window: Window | None = None
    never_waive: tuple[str, ...] = ()
    github: GitHub | None = None
    tests: Suite = Field(default_factory=Suite)
    review: Review = Field(default_factory=Review)
    visibility: Visibility = Field(default_factory=Visibility)

    @property
    def deployment_window(self) -> Window | None:
        """When it may be deployed to: production has a window by default, others where one is written."""
        window = self.window or (Window() if self.production else None)
        return window if window is not None and window.enabled else None

    @property
    def set_aside(self) -> dict[str, str]:
        """The checks of the pre-deployment checklist that this target does without, each with the reason."""
        rules = {
            "tests.passed": self.tests,
            "review.approved": self.review,
            "staging.verified": self.staging,
            "staging.soaked": self.staging,
        }
        return {check: rule.reason for check, rule in rules.items() if rule is not None and not rule.enabled}


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
