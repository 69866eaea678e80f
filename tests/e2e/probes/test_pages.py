"""Pages asked of real servers that hang, drip, refuse, lead elsewhere, and answer nonsense."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from handrail.clock import SystemClock
from handrail.probes.base import Prober
from handrail.probes.direct import Direct
from handrail.probes.exchange import CanNotAsk, NoAnswer, Request
from handrail.probes.making import Maker
from handrail.project.model import Target
from handrail.project.probes import Probe
from handrail.signals.window import Sample
from local_server import HANG, LocalServer, free_port, page, serving

pytestmark = pytest.mark.e2e


def page_prober(url: str, target: dict[str, Any] | None = None, resolver=None, **http: Any) -> Prober:
    made = Target.model_validate({"url": url, **(target or {})})
    extra = {"resolver": resolver} if resolver else {}
    probe = Probe.model_validate({"name": "page", "http": http, "timeout": "2s"})
    return Maker(made, SystemClock(), os.environ, **extra).prober(probe)


def look(prober: Prober) -> dict[str, Sample]:
    found = prober.look()
    assert len({each.signal for each in found}) == len(found)
    return {each.signal: each for each in found}


def test_a_good_page_has_a_time(tmp_path: Path) -> None:
    with serving(page()) as server:
        found = look(page_prober(server.address, expect_text="Web shop"))
    assert found["page"].value == 0
    took = found["page time"].value
    assert took is not None
    assert 0 < took < 2000


@pytest.mark.parametrize(
    ("answer", "fields", "said"),
    [
        (page(status="500 Internal Server Error"), {}, "status 500 instead of 200"),
        (page(status="404 Not Found"), {}, "status 404"),
        (page(status="200 OK"), {"expect_status": 301}, "status 200 instead of 301"),
        (page("another"), {"expect_text": "Web shop"}, "the text 'Web shop' is missing"),
        (
            page(status="302 Found", Location="https://evil.example.org/x"),
            {},
            "it redirects to evil.example.org",
        ),
        (
            page(status="302 Found", Location="//169.254.169.254/latest"),
            {"expect_status": 302},
            "it redirects to 169.254.169.254",
        ),
        (page(status="302 Found", Location="/login"), {}, "status 302 instead of 200"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", {}, "it answers 'SSH-2.0"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", {}, "breaks off"),
        (b"", {}, "without an answer"),
        (HANG, {}, "no answer within 2 s"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HANG], {}, "no answer within 2 s"),
    ],
)
def test_what_visitors_would_meet_is_bad_and_has_no_time(
    answer: Any, fields: dict[str, Any], said: str
) -> None:
    with serving(lambda path: answer) as server:
        found = look(page_prober(server.address, **fields))
        assert found.keys() == {"page"}
        assert found["page"].value == 1
        assert said in found["page"].why
        # Nothing was followed: there was one request.
        assert len(server.requests) == 1


def test_a_redirect_within_the_target_may_be_what_is_expected() -> None:
    with serving(page(status="302 Found", Location="/login")) as server:
        assert look(page_prober(server.address, expect_status=302))["page"].value == 0


def test_a_slow_drip_has_one_limit_in_all() -> None:
    drip = [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 600]
    with serving(lambda path: drip, pace=0.1) as server:
        found = look(page_prober(server.address))
    assert found["page"].value == 1
    assert "within 2 s" in found["page"].why


def test_a_refused_connection_is_bad() -> None:
    found = look(page_prober(f"http://127.0.0.1:{free_port()}"))
    assert found["page"].value == 1
    assert "refused" in found["page"].why


def test_the_maintenance_page_is_neither_good_nor_bad() -> None:
    up = page("we are in handrail-maintenance", "503 Service Unavailable", Retry_After="60")
    maintenance = {"maintenance": {"marker": "handrail-maintenance"}}
    with serving(up) as server:
        public = look(page_prober(server.address, maintenance))
        assert {name: each.value for name, each in public.items()} == {"page": None, "page time": None}
        assert "maintenance" in public["page"].why
        # Past the maintenance page nothing may stand between.
        assert look(page_prober(server.address, maintenance, past_maintenance=True))["page"].value == 1
    with serving(page("overloaded", "503 Service Unavailable")) as server:
        assert look(page_prober(server.address, maintenance))["page"].value == 1


def test_each_look_is_a_connection_of_its_own_and_asks_to_pass_caches() -> None:
    with serving(page()) as server:
        prober = page_prober(server.address, path="/a?b=c")
        for _ in range(3):
            assert look(prober)["page"].value == 0
        assert len(server.requests) == 3
        assert all("GET /a?b=c HTTP/1.1" in each and "Connection: close" in each for each in server.requests)
        assert all("Cache-Control: no-cache" in each for each in server.requests)


def test_a_compressed_answer_is_read() -> None:
    with serving(page(gzip.compress(b"Web shop"), Content_Encoding="gzip")) as server:
        assert look(page_prober(server.address, expect_text="Web shop"))["page"].value == 0


def test_proxies_of_the_environment_do_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(page()) as server:
        assert look(page_prober(server.address))["page"].value == 0


def named(*addresses: str):
    """A resolver in which every name has these addresses."""

    def resolver(host: str, port: int):
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            yield family, (address, port)

    return resolver


@pytest.mark.parametrize(
    "addresses", [("169.254.169.254",), ("127.0.0.1", "169.254.169.254"), ("fd00:ec2::254",), ("fe80::1",)]
)
def test_a_name_that_leads_to_where_a_cloud_tells_secrets_is_never_asked(addresses: tuple[str, ...]) -> None:
    with serving(page()) as server:
        prober = page_prober(f"http://shop.example.org:{server.port}", resolver=named(*addresses))
        found = look(prober)
        assert {each.value for each in found.values()} == {None}
        assert "their secrets" in found["page"].why
        assert server.requests == []


def test_a_name_that_can_not_be_resolved_is_unknown() -> None:
    def fails(host: str, port: int):
        raise socket.gaierror(-2, "Name or service not known")

    found = look(page_prober("http://shop.example.org", resolver=fails))
    assert found["page"].value is None
    assert "can't be resolved" in found["page"].why
    assert look(page_prober("http://shop.invalid"))["page"].value is None


def test_the_next_of_several_addresses_is_tried() -> None:
    with serving(page()) as server:
        prober = page_prober(
            f"http://shop.example.org:{server.port}", resolver=named("127.0.0.2", "127.0.0.1")
        )
        assert look(prober)["page"].value == 0


def test_without_descriptors_it_is_unknown() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(page()) as server:
        prober = page_prober(server.address)
        assert look(prober)["page"].value == 0
        held = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 8, hard))
        try:
            while True:
                try:
                    held.append(os.open(os.devnull, os.O_RDONLY))
                except OSError:
                    break
            found = look(prober)
        finally:
            for descriptor in held:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found["page"].value is None
    assert "Too many open files" in found["page"].why


def test_only_the_targets_own_hosts_are_asked() -> None:
    with serving(page()) as server:
        direct = Direct({"shop.example.org"})
        with pytest.raises(CanNotAsk, match="none of the target's hosts"):
            direct.ask(Request(server.address))
        with pytest.raises(CanNotAsk, match="no address"):
            direct.ask(Request("ftp://shop.example.org"))
        with pytest.raises(CanNotAsk, match="control characters"):
            direct.ask(Request("http://shop.example.org/", headers={"a": "b\r\nc: d"}))
        assert server.requests == []


FLOW = [
    {"path": "/login", "expect_text": "Log in"},
    {"path": "/login", "method": "POST", "form": {"user": "a&b"}, "expect_status": 303},
    {"path": "/account", "expect_text": "Signed in"},
]


def flow_prober(server: LocalServer, flow: list[dict[str, Any]]) -> Prober:
    smoke = {"flows": [{"name": "login", "requests": flow}]}
    target = Target.model_validate({"url": server.address, "smoke": smoke})
    probe = Probe.model_validate({"name": "login", "flow": "login", "timeout": "2s"})
    return Maker(target, SystemClock(), os.environ).prober(probe)


def shop(path: str) -> bytes:
    if path == "/account":
        return page("Signed in")
    return page("Log in")


def test_a_flow_walks_with_its_cookies() -> None:
    answers = iter(
        [
            page("Log in", Set_Cookie="session=1; Path=/"),
            page("", "303 See Other", Location="/account", Set_Cookie="user=a"),
            page("Signed in"),
        ]
    )
    with serving(lambda path: next(answers)) as server:
        found = look(flow_prober(server, FLOW))
        assert found["login"].value == 0
        assert found["login time"].value
        assert "POST /login" in server.requests[1]
        assert "user=a%26b" in server.requests[1]
        assert "cookie: session=1; user=a" in server.requests[2]


def test_a_flow_ends_where_something_is_missing() -> None:
    with serving(shop) as server:
        found = look(flow_prober(server, FLOW))
        assert found.keys() == {"login"}
        assert found["login"].value == 1
        assert found["login"].why == "POST /login: status 200 instead of 303"
        assert len(server.requests) == 2


def test_a_flow_that_hangs_is_bad_within_its_limit() -> None:
    with serving(lambda path: HANG if path == "/account" else page("Log in")) as server:
        found = look(flow_prober(server, [FLOW[0], FLOW[2]]))
        assert found["login"].value == 1
        assert found["login"].why.startswith("GET /account: no answer within")


class Certificates:
    """Certificates of a test's own authority, which this process trusts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "authority.pem"
        self.made("authority", 3650)

    def made(self, name: str, days: int) -> None:
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)),
                *("-keyout", str(self.folder / f"{name}.key"), "-out", str(self.folder / f"{name}.pem")),
                *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
            ],
            check=True,
            capture_output=True,
        )

    def server(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_a_certificates_last_days_are_counted(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates.made("server", 9)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.folder / "server.pem"))
    with serving(page(), tls=certificates.server("server")) as server:
        prober = page_prober(server.address)
        found = look(prober)
    assert found["page"].value == 0
    assert found["page certificate"].value == pytest.approx(9, abs=0.1)
    certificate = next(signal for signal in prober.signals if signal.name == "page certificate")
    assert certificate.below == 14


def test_a_certificate_that_no_browser_would_take_is_bad(certificates: Certificates) -> None:
    with serving(page(), tls=certificates.server("authority")) as server:
        found = look(page_prober(server.address))
    assert found["page"].value == 1
    assert "its certificate is refused" in found["page"].why
    assert found["page certificate"].value is None
    assert "page time" not in found


def test_a_server_that_hangs_in_the_handshake_is_bad() -> None:
    with serving(lambda path: HANG) as server, pytest.raises(NoAnswer, match="no answer within 1 s"):
        Direct({"127.0.0.1"}).ask(Request(f"https://127.0.0.1:{server.port}", timeout=1))
