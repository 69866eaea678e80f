"""The sandbox's `handrail.toml`: what an operator's project file for such a shop looks like."""

from __future__ import annotations

import json
from pathlib import Path

from handrail.sandbox.application import ECOSYSTEM
from handrail.sandbox.layout import Layout
from handrail.sandbox.record import Record

WEBHOOK_PATH = "/services/T000/B000/sandbox"
MARKER = "handrail-maintenance"


def _text(value: str | Path) -> str:
    # TOML's basic strings are JSON's, as far as paths and addresses go.
    return json.dumps(str(value), ensure_ascii=False)


def project_file(layout: Layout, record: Record, path: tuple[Path, ...], database_programs: Path) -> str:
    """The text of `handrail.toml` for the sandbox; it is the same for the same sandbox."""
    return f"""\
# The sandbox's web shop. Made by `handrail sandbox up`, and made anew when its ports change.
#
# production serves v1.2.3. `main` is at v1.3.0, a good release with a migration that adds a column;
# v1.3.1 (branch release/1.3) answers its checkout page with 500; v1.4.0 (branch release/1.4) drops a
# column. A tag is deployed by checking it out, `main` by a fast-forward pull.
name = "shop"
default_target = "production"

[targets.production]
production = true
checkout = {_text(layout.production)}
remote = "origin"
branch = "main"
url = {_text(record.address("public"))}
# Past the proxy, and so past its maintenance page.
app_url = {_text(record.address("app"))}
version_path = "/version"
health_path = "/healthz"
on_call = "on-call engineer"
path = [{", ".join(_text(folder) for folder in path)}]

[targets.production.announce]
webhook = {_text(record.address("webhook") + WEBHOOK_PATH)}
channel = "#deployments"

[targets.production.maintenance]
enable = ["./scripts/enable-maintenance.sh"]
disable = ["./scripts/disable-maintenance.sh"]
marker = {_text(MARKER)}

[targets.production.pm2]
home = {_text(layout.pm2_home)}
program = [{_text(layout.pm2)}]
ecosystem = {_text(ECOSYSTEM)}
names = ["shop"]
settle = "10s"

[targets.production.database]
url = {{ file = {_text(layout.database_url)} }}
# The pg_dump of another PostgreSQL refuses this server: these belong to it.
programs = {_text(database_programs)}
migrations = "migrations"
migrate_script = "migrate:prod"

[targets.production.smoke]
homepage = "/"
homepage_text = "Web shop"

[[targets.production.smoke.flows]]
name = "login"
requests = [
  {{ path = "/login", expect_text = "Log in" }},
  {{ path = "/login", method = "POST", form = {{ user = "guest", password = "demo" }}, expect_status = 303 }},
  {{ path = "/account", expect_text = "Signed in as guest" }},
]

[[targets.production.smoke.flows]]
name = "checkout"
requests = [
  {{ path = "/checkout", expect_text = "Place order" }},
  {{ path = "/checkout", method = "POST", form = {{ item = "mug", quantity = "1" }}, expect_text = "Thank" }},
]

[targets.production.monitor]
duration = "20s"
every = "2s"
"""
