"""The sandbox's `handrail.toml`: what an operator's project file for such a shop looks like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handrail.sandbox.application import ECOSYSTEM
from handrail.sandbox.layout import Environment, Layout
from handrail.sandbox.record import Record
from handrail.sandbox.repository import OPERATORS_EMAIL

WEBHOOK_PATH = "/services/T000/B000/sandbox"
MARKER = "handrail-maintenance"
NOT_SIGNED = "this machine could not sign the releases when the sandbox was made (ssh-keygen, git 2.34)"


def _text(value: str | Path) -> str:
    # TOML's basic strings are JSON's, as far as paths and addresses go.
    return json.dumps(str(value), ensure_ascii=False)


def project_file(
    layout: Layout,
    record: Record,
    path: tuple[Path, ...],
    database_programs: Path,
    operators: Sequence[str],
) -> str:
    """The text of `handrail.toml` for the sandbox; it is the same for the same sandbox.

    `operators` are the accounts of who deploys here.
    """
    common = _Common(layout, record, ", ".join(_text(folder) for folder in path), _text(database_programs))
    text = f"""\
# The sandbox's web shop. Made by `handrail sandbox up`, and made anew when its ports change.
#
# production serves v1.2.3. `main` is at v1.3.0, a good release with a migration that adds a column;
# v1.3.1 (branch release/1.3) answers its checkout page with 500; v1.4.0 (branch release/1.4) drops a
# column. A tag is deployed by checking it out, `main` by a fast-forward pull.
name = "shop"
default_target = "production"

[targets.production]
production = true
{common.target(layout.served)}

{common.monitor(layout.served)}

# One practises at any hour. Without this table, production's window is 9:00 to 17:00 Pacific Time on
# working days.
[targets.production.window]
timezone = "UTC"
opens = "00:00"
closes = "24:00"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
country = ""

# The suite of the very commit, in a worktree beside the checkout; npm has its packages from the checkout's
# own installation.
[targets.production.tests]
by = "run"
environment = {{ npm_config_prefer_offline = "true" }}

{_review(layout, operators)}

# What decides whether visitors see what was deployed: `handrail run feature-visible` looks at it.
[targets.production.visibility]
flags = [
  {{ name = "production mode", variable = "NODE_ENV", equals = "production" }},
  {{ name = "gift notes (from v1.3.0 on)", path = "/checkout", contains = "Gift note" }},
]
cache = {{ paths = ["/", "/checkout"] }}
cdn = {{ paths = ["/shop.css"] }}
"""
    if not record.staging:
        return f"""\
{text}
# `handrail sandbox up --staging` makes a staging environment, and asks for it here.
[targets.production.staging]
enabled = false
reason = "this sandbox has no staging environment"
"""
    return f"""\
{text}
# A release must have been on staging for a day without interruption, and have passed what is tried there.
[targets.production.staging]
target = "staging"
soak = "24h"

[targets.staging]
{common.target(layout.staged)}

{common.monitor(layout.staged)}

[targets.staging.mirror]
of = "production"
anonymised = ["orders.customer"]
# Production's customers order all the time; `handrail sandbox up --staging` brings staging up to them.
slack = 1000

[targets.staging.mirror.accepted]
"environment PORT" = "both environments run on this one machine"

[targets.staging.scenarios]
errors = [
  {{ name = "unknown item", path = "/checkout", form = {{ item = "yacht", quantity = "1" }} }},
  {{ name = "no quantity", path = "/checkout", form = {{ item = "mug" }} }},
  {{ name = "quantity below one", path = "/checkout", form = {{ item = "mug", quantity = "0" }} }},
  {{ name = "quantity that is no number", path = "/checkout", form = {{ item = "mug", quantity = "1;" }} }},
  {{ name = "wrong password", path = "/login", form = {{ user = "guest", password = "x" }}, expect = [401] }},
  {{ name = "oversized body", path = "/checkout", body_bytes = 200000, expect = [413] }},
  {{ name = "wrong method", path = "/checkout", method = "DELETE" }},
]

[targets.staging.scenarios.load]
program = [{_text(layout.autocannon)}]
paths = ["/", "/checkout"]
# What the sandbox's customers send; access_log would measure it.
expected_per_second = 4
duration = "5s"
"""


def _review(layout: Layout, operators: Sequence[str]) -> str:
    """Who may approve a release of production; without a key, why nobody has to."""
    if not layout.reviewer_key.exists():
        return f"""\
[targets.production.review]
enabled = false
reason = "{NOT_SIGNED}\""""
    users = ", ".join(_text(user) for user in operators)
    return f"""\
# Who reviewed a release has signed its commit. A commit of your own needs a colleague's word, too:
# handrail approve COMMIT --key {layout.reviewer_key}
# is what they would do at their own desk, with their own key: the sandbox plays them.
[targets.production.review]
source = ["trailers", "signed"]
allowed_signers = {_text(layout.allowed_signers)}
approvals = {_text(layout.approvals)}
people = [{{ users = [{users}], emails = [{_text(OPERATORS_EMAIL)}] }}]"""


@dataclass(frozen=True, slots=True)
class _Common:
    """What every environment says in the same way; `path` and `programs` are TOML already."""

    layout: Layout
    record: Record
    path: str
    programs: str

    def target(self, place: Environment) -> str:
        """The table of one target, and the tables within it that all environments have."""
        layout, record, name = self.layout, self.record, f"targets.{place.name}"
        return f"""\
checkout = {_text(place.checkout)}
remote = "origin"
branch = "main"
url = {_text(record.address(place.public))}
# Past the proxy, and so past its maintenance page.
app_url = {_text(record.address(place.app))}
version_path = "/version"
health_path = "/healthz"
on_call = "on-call engineer"
path = [{self.path}]

[{name}.announce]
webhook = {_text(record.address("webhook") + WEBHOOK_PATH)}
channel = "#deployments"

[{name}.maintenance]
enable = ["./scripts/enable-maintenance.sh"]
disable = ["./scripts/disable-maintenance.sh"]
marker = {_text(MARKER)}

[{name}.pm2]
home = {_text(place.pm2_home)}
program = [{_text(layout.pm2)}]
ecosystem = {_text(ECOSYSTEM)}
names = ["shop"]
settle = "10s"

[{name}.database]
url = {{ file = {_text(place.database_url)} }}
# The pg_dump of another PostgreSQL refuses this server: these belong to it.
programs = {self.programs}
migrations = "migrations"
migrate_script = "migrate:prod"

[{name}.smoke]
homepage = "/"
homepage_text = "Web shop"

[[{name}.smoke.flows]]
name = "login"
requests = [
  {{ path = "/login", expect_text = "Log in" }},
  {{ path = "/login", method = "POST", form = {{ user = "guest", password = "demo" }}, expect_status = 303 }},
  {{ path = "/account", expect_text = "Signed in as guest" }},
]

[[{name}.smoke.flows]]
name = "checkout"
requests = [
  {{ path = "/checkout", expect_text = "Place order" }},
  {{ path = "/checkout", method = "POST", form = {{ item = "mug", quantity = "1" }}, expect_text = "Thank" }},
]"""

    def monitor(self, place: Environment) -> str:
        """The table of how a target is watched: so shortly that one can look on."""
        name = f"targets.{place.name}.monitor"
        is_visited = place.name == self.layout.served.name
        decides = (
            "the customers' requests decide" if is_visited else "nobody visits staging, its machine decides"
        )
        return f"""\
# A watch to look on at: a real one takes its thirty minutes. So short a time has too few looks at a page or
# a process to prove it good, so that their silence holds nothing up here; {decides}.
[{name}]
duration = "25s"
every = "1s"
baseline = "15s"

[[{name}.probes]]
name = "visitors"
required = {str(is_visited).lower()}
[{name}.probes.access_log]
path = {_text(place.access_log)}
format = "json"
fields = {{ status = "status", time = "milliseconds", upstream = "upstream" }}
time_unit = "ms"

[[{name}.probes]]
name = "homepage"
required = false
http = {{ path = "/", expect_text = "Web shop" }}

[[{name}.probes]]
name = "health"
required = false
http = {{ path = "/healthz", past_maintenance = true }}

[[{name}.probes]]
name = "processes"
required = false
pm2 = {{}}

[[{name}.probes]]
name = "machine"
host = {{}}"""
