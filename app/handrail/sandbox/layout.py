"""Where everything of one sandbox lies: below one folder, so that many can stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PARTS = ("database", "application", "proxy", "webhook", "traffic", "prometheus")
"""What runs, in the order in which it starts."""

STAGING_PARTS = ("staging application", "staging proxy")
"""What runs besides where staging was asked for."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One place that the shop is served from. `app` and `public` name its ports, `part` its pm2."""

    name: str
    root: Path
    run: Path
    database: str
    app: str
    public: str
    part: str
    proxy: str
    pm2_home: Path

    @property
    def checkout(self) -> Path:
        """The checkout that the shop is served from."""
        return self.root / self.name

    @property
    def flag(self) -> Path:
        """While this file is there, the proxy serves the maintenance page."""
        return self.checkout / "tmp" / "maintenance.flag"

    @property
    def access_log(self) -> Path:
        """The proxy's access log, a JSON line for each request; the older half is in `NAME.1`."""
        return self.run / ("access.log" if self.name == "production" else f"{self.name}.access.log")

    @property
    def faults(self) -> Path:
        """What is broken in the application now, by name; nothing where it is missing."""
        return self.root / "faults" / f"{self.name}.json"

    @property
    def settings(self) -> Path:
        """The application's settings, with the database's password; not in git."""
        return self.checkout / ".env"

    @property
    def database_url(self) -> Path:
        """The application's address of its database, password and all: a secret that a project names."""
        return self.run / ("database.url" if self.name == "production" else f"{self.name}.database.url")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of the sandbox at `root`, which is absolute and free of symbolic links."""

    root: Path

    @property
    def record(self) -> Path:
        """Ports, passwords, and the identity of every process that was started."""
        return self.root / "sandbox.json"

    @property
    def lock(self) -> Path:
        """Held by the one call that changes the sandbox."""
        return self.root / "sandbox.lock"

    @property
    def origin(self) -> Path:
        """The bare repository that the team pushes to."""
        return self.root / "origin.git"

    @property
    def shop(self) -> Path:
        """The operator's clone: the project folder, with `handrail.toml`."""
        return self.root / "shop"

    @property
    def served(self) -> Environment:
        """Production."""
        return Environment(
            "production", self.root, self.run, "shop", "app", "public", *PARTS[1:3], self.root / "pm2"
        )

    @property
    def staged(self) -> Environment:
        """Staging: a checkout, a pm2, a database and a public address of its own."""
        ports = ("staging app", "staging public")
        home = self.root / "staging-pm2"
        return Environment("staging", self.root, self.run, "shop_staging", *ports, *STAGING_PARTS, home)

    @property
    def production(self) -> Path:
        """The checkout that production is served from."""
        return self.served.checkout

    @property
    def flag(self) -> Path:
        """While this file is there, production's proxy serves the maintenance page."""
        return self.served.flag

    @property
    def pm2_home(self) -> Path:
        """Production's private pm2 home."""
        return self.served.pm2_home

    @property
    def tools(self) -> Path:
        """Where pm2 itself is installed, apart from production's node_modules."""
        return self.root / "tools"

    @property
    def pm2(self) -> Path:
        """The pm2 program."""
        return self.tools / "node_modules" / ".bin" / "pm2"

    @property
    def load_tools(self) -> Path:
        """Where the load tool is installed, once staging was asked for."""
        return self.root / "load"

    @property
    def autocannon(self) -> Path:
        """The load tool."""
        return self.load_tools / "node_modules" / ".bin" / "autocannon"

    @property
    def programs(self) -> Path:
        """Node.js and npm of the Python wheel, where the machine has none of its own."""
        return self.root / "bin"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.root / "postgres"

    @property
    def review(self) -> Path:
        """What a review needs, apart from every checkout, so that no release can change it."""
        return self.root / "review"

    @property
    def reviewer_key(self) -> Path:
        """The SSH key of the colleague whom the sandbox plays; missing where nothing can be signed here."""
        return self.review / "colleague"

    @property
    def allowed_signers(self) -> Path:
        """Whose signatures count."""
        return self.review / "allowed_signers"

    @property
    def approvals(self) -> Path:
        """The approvals that were given by `handrail approve`."""
        return self.review / "approvals"

    @property
    def builds(self) -> Path:
        """Builds kept for a quick reset, by commit."""
        return self.root / "builds"

    @property
    def faults(self) -> Path:
        """The module that breaks the application, and for each environment what it breaks now."""
        return self.root / "faults"

    @property
    def preload(self) -> Path:
        """The module itself: Node.js loads it before the application."""
        return self.faults / "preload.cjs"

    @property
    def run(self) -> Path:
        """Logs, posts, and what else comes and goes."""
        return self.root / "run"

    @property
    def posts(self) -> Path:
        """What was posted to the webhook, a JSON line each."""
        return self.run / "webhook.jsonl"

    @property
    def webhook_mode(self) -> Path:
        """How the webhook answers: `ok`, a status such as `500`, or `hang`; `ok` where it is missing."""
        return self.run / "webhook.mode"

    @property
    def prometheus_mode(self) -> Path:
        """How Prometheus' stand-in answers: `ok`, or what nonsense; `ok` where it is missing."""
        return self.run / "prometheus.mode"

    @property
    def traffic(self) -> Path:
        """What the background traffic saw, a JSON line for each request."""
        return self.run / "traffic.log"

    def log(self, name: str) -> Path:
        """The log of one part or step."""
        return self.run / f"{name}.log"
