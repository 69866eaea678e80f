"""The probes of `handrail.toml`: their shapes, their signals, and the addresses that are refused."""

import re
from pathlib import Path

import pytest

from handrail.project.addresses import allowed_hosts, host_of, refusal, refusal_of_host
from handrail.project.loader import ProjectInvalid, load
from handrail.project.model import Pm2, Smoke, Target
from handrail.project.probes import KINDS, Probe
from handrail.project.signals import probes_of, signals_of
from handrail.signals.signal import SignalKind

EVERY_KIND = """\
[targets.production]
url = "https://shop.example.org"
app_url = "http://127.0.0.1:3000"
[targets.production.database]
url = {env = "DATABASE_URL"}
[[targets.production.smoke.flows]]
name = "checkout"
requests = [{path = "/checkout"}]
[targets.production.monitor]
every = "7s"
hosts = ["metrics.example.org"]
[[targets.production.monitor.probes]]
name = "homepage"
http = {path = "/", expect_status = 200, expect_text = "Web shop"}
every = "5s"
[[targets.production.monitor.probes]]
name = "health"
http = {path = "/healthz", past_maintenance = true}
[[targets.production.monitor.probes]]
name = "checkout"
flow = "checkout"
timeout = "20s"
[[targets.production.monitor.probes]]
name = "visitors"
access_log = {path = "logs/access.log", time_field = 1}
[[targets.production.monitor.probes]]
name = "proxy"
access_log = {path = "logs/access.json", format = "json", fields = {status = "code"}}
[[targets.production.monitor.probes]]
name = "app log"
log = {paths = ["logs/app.log"], patterns = ["\\\\bfatal\\\\b"]}
[[targets.production.monitor.probes]]
name = "queue"
prometheus = {address = "http://prometheus.example.org:9090", query = "sum(queue)", unit = "jobs"}
above = 100
[[targets.production.monitor.probes]]
name = "orders"
sql = {query = "select count(*) from orders"}
below = 1
required = false
[[targets.production.monitor.probes]]
name = "cache"
task = {name = "cache.ok", with = {size = 3}}
[[targets.production.monitor.probes]]
name = "processes"
pm2 = {}
[[targets.production.monitor.probes]]
name = "machine"
host = {}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "handrail.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_of_probe_is_read_and_yields_its_signals(tmp_path: Path) -> None:
    target = load(written(tmp_path, EVERY_KIND)).targets["production"]
    signals = {signal.name: signal for signal in signals_of(target)}
    kinds = {name: signal.kind.value for name, signal in signals.items()}
    assert kinds == {
        "homepage": "outcomes",
        "homepage time": "latency",
        "homepage certificate": "level",
        "health": "outcomes",
        "health time": "latency",
        "checkout": "outcomes",
        "checkout time": "latency",
        "visitors": "outcomes",
        "visitors time": "latency",
        "visitors rate": "level",
        "proxy": "outcomes",
        "proxy rate": "level",
        "app log": "count",
        "queue": "level",
        "orders": "level",
        "cache": "outcomes",
        "processes": "outcomes",
        "restarts": "count",
        "memory": "level",
        "cpu": "level",
        "host cpu": "level",
        "host memory": "level",
        "disk free": "level",
    }
    required = {name for name, signal in signals.items() if signal.required}
    assert "homepage" in required
    assert not {"homepage time", "homepage certificate", "visitors", "visitors rate", "orders"} & required
    assert signals["homepage"].every == 5
    assert signals["cache"].every == 7
    assert signals["homepage certificate"].below == 14
    assert signals["queue"].above == 100
    assert signals["orders"].below == 1
    assert signals["restarts"].any_is_bad
    assert signals["memory"].may_leak
    assert signals["homepage"].source == "https://shop.example.org/"
    assert signals["health"].source == "http://127.0.0.1:3000/healthz"
    access_log = target.monitor.probes[3].access_log
    assert access_log is not None
    assert access_log.path == tmp_path / "logs/access.log"


def test_a_target_goes_into_a_plan_and_comes_back_the_same(tmp_path: Path) -> None:
    target = load(written(tmp_path, EVERY_KIND)).targets["production"]
    assert Target.model_validate(target.model_dump(mode="json", by_alias=True)) == target


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(), ["machine"]),
        (Target(url="http://shop.example.org"), ["health", "homepage", "machine"]),
        (
            Target(app_url="http://127.0.0.1:3000", pm2=Pm2(names=("shop",))),
            ["health", "homepage", "processes", "error lines", "machine"],
        ),
        (
            Target(
                url="http://a.example.org",
                smoke=Smoke(flows=({"name": "pay", "requests": ({"path": "/pay", "method": "POST"},)},)),
            ),
            ["health", "homepage", "machine"],
        ),
    ],
)
def test_without_probes_whatever_has_no_side_effect_is_looked_at(target: Target, expected: list[str]) -> None:
    assert [probe.name for probe in probes_of(target)] == expected
    assert {probe.every for probe in probes_of(target)} == {target.monitor.every}


PROBE = """\
[targets.production]
[[targets.production.monitor.probes]]
"""


@pytest.mark.parametrize(
    ("text", "line", "field", "expected"),
    [
        ('name = "a"', 2, "probes[0]", "exactly one of http, flow, access_log"),
        ('name = "a"\npm2 = {}\nhost = {}', 2, "probes[0]", "exactly one of http"),
        ('name = "a"\nhttp = {path = "/"}', 4, "probes[0].http", "url or app_url"),
        ('name = "a"\nhttp = {path = "http://b/"}', 4, "probes[0].http.path", "a path on the target's own"),
        ('name = "a"\nhttp = {paht = "/"}', 4, "probes[0].http.paht", "did you mean 'path'?"),
        ('name = "a"\nflow = "pay"', 4, "probes[0].flow", "none at all"),
        ('name = "a"\nsql = {query = "select 1"}', 4, "probes[0].sql", "a table [database]"),
        ('name = "a"\nhost = {}\nabove = 3', 2, "probes[0]", "above and below only for one level"),
        ('name = "a"\nhost = {}\nevery = "0s"', 2, "probes[0]", "every from 1s to 3600s"),
        ('name = "a"\nlog = {patterns = ["("]}', 4, "probes[0].log.patterns[0]", "a regular expression"),
        ('name = ""\nhost = {}', 3, "probes[0].name", "at least 1 character"),
        (
            'name = "a"\nprometheus = {address = "http://169.254.169.254", query = "up"}',
            4,
            "probes[0].prometheus.address",
            "their secrets",
        ),
        (
            'name = "a"\nprometheus = {address = "http://u:p@h:1", query = "up"}',
            4,
            "probes[0].prometheus.address",
            "without a password",
        ),
        (
            'name = "a"\nhost = {}\n[[targets.production.monitor.probes]]\nname = "b"\nhost = {}',
            6,
            "probes[1].name",
            "a name of their own",
        ),
        (
            'name = "a"\naccess_log = {path = "x", fields = {time = "t"}}',
            4,
            "probes[0].access_log",
            'fields with format = "json"',
        ),
    ],
)
def test_a_mistake_names_its_line_its_field_and_what_is_expected(
    tmp_path: Path, text: str, line: int, field: str, expected: str
) -> None:
    with pytest.raises(ProjectInvalid) as caught:
        load(written(tmp_path, PROBE + text))
    problem = caught.value.problems[0]
    assert problem.line == line
    assert problem.field.endswith(field)
    assert expected in problem.expected


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "not an address",
    ],
)
def test_addresses_that_are_never_asked(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "1.1.1.1", "2606:4700::1"]
)
def test_addresses_that_may_be_a_targets_own(address: str) -> None:
    assert refusal(address) == ""


@pytest.mark.parametrize(
    "host",
    [
        "metadata.google.internal",
        "METADATA.google.internal.",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "0xA9FEA9FE",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.43518",
    ],
)
def test_hosts_that_are_never_asked_however_they_are_written(host: str) -> None:
    assert refusal_of_host(host)


@pytest.mark.parametrize("field", ["url", "app_url"])
def test_a_target_can_not_be_where_a_cloud_tells_secrets(tmp_path: Path, field: str) -> None:
    text = f'[targets.production]\n{field} = "http://169.254.169.254/latest"\n'
    with pytest.raises(ProjectInvalid) as caught:
        load(written(tmp_path, text))
    assert "their secrets" in caught.value.problems[0].expected


def test_a_listed_host_can_not_be_where_a_cloud_tells_secrets(tmp_path: Path) -> None:
    text = '[targets.production.monitor]\nhosts = ["metadata.google.internal", "http://x"]\n'
    with pytest.raises(ProjectInvalid) as caught:
        load(written(tmp_path, text))
    assert len(caught.value.problems) == 2


def test_the_hosts_of_a_target(tmp_path: Path) -> None:
    target = load(written(tmp_path, EVERY_KIND)).targets["production"]
    assert allowed_hosts(target) == {
        "shop.example.org",
        "127.0.0.1",
        "prometheus.example.org",
        "metrics.example.org",
    }
    assert host_of("http://[::1") == ""


def test_bounds_belong_to_a_level_alone() -> None:
    latency = {"address": "http://p:9090", "query": "q", "kind": "latency"}
    with pytest.raises(ValueError, match="above and below"):
        Probe.model_validate({"name": "a", "prometheus": latency, "above": 1})
    found = signals_of(Target(monitor={"probes": ({"name": "a", "prometheus": latency},)}))
    assert [(signal.kind, signal.unit) for signal in found] == [(SignalKind.LATENCY, "ms")]


def test_the_settings_in_the_documentation_are_settings(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "monitor-settings.md"
    blocks = re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    target = """
[targets.production]
url = "https://shop.example.org"
[targets.production.database]
url = {env = "DATABASE_URL"}
[[targets.production.smoke.flows]]
name = "checkout"
requests = [{path = "/checkout"}]
"""
    found = load(written(tmp_path, "\n".join([target, *blocks]))).targets["production"]
    assert {probe.kind for probe in found.monitor.probes} == set(KINDS)
    defaults = Target().monitor
    assert found.monitor.model_copy(update={"probes": ()}) == defaults
