"""The sandbox's shop, broken while it runs, and what its proxy's log and the metrics tell of it."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from handrail.cli.main import main
from handrail.errors import ExitCode
from sandbox_fixture import Shop, silent
from waiting import wait_for

pytestmark = pytest.mark.e2e
LOG_FIELDS = {"at", "method", "path", "status", "milliseconds", "bytes", "upstream", "agent"}


class BrokenShop:
    """A shop, and the command line that breaks and mends it."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.root = shop.sandbox.layout.root

    def fault(self, *words: str) -> None:
        assert main(["sandbox", "fault", *words, "--at", str(self.root)]) == ExitCode.FINISHED

    def mend(self, *names: str) -> None:
        assert main(["sandbox", "mend", *names, "--at", str(self.root)]) == ExitCode.FINISHED

    def ask(self, path: str, *, seconds: float = 15.0, past_proxy: bool = True) -> tuple[int, float]:
        """The status and the milliseconds of one GET; status 0 where there was no answer in time."""
        port = self.shop.record.ports["app" if past_proxy else "public"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        begin = time.monotonic()
        try:
            connection.request("GET", path, headers={"Connection": "close", "User-Agent": "test"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, (time.monotonic() - begin) * 1000
        except OSError:
            return 0, (time.monotonic() - begin) * 1000
        finally:
            connection.close()

    def ask_often(self, count: int, path: str, **how: Any) -> list[tuple[int, float]]:
        with ThreadPoolExecutor(12) as pool:
            return list(pool.map(lambda _: self.ask(path, **how), range(count)))

    def statuses(self, count: int, path: str, **how: Any) -> Counter[int]:
        return Counter(status for status, _ in self.ask_often(count, path, **how))

    def workers(self) -> list[psutil.Process]:
        files = (self.shop.sandbox.layout.pm2_home / "pids").glob("*.pid")
        return [psutil.Process(int(file.read_text())) for file in sorted(files)]

    def errors_logged(self) -> str:
        logs = (self.shop.sandbox.layout.pm2_home / "logs").glob("*error*")
        return "".join(log.read_text() for log in logs)

    def access(self) -> list[dict[str, Any]]:
        """The proxy's log, oldest first."""
        log = self.shop.sandbox.layout.served.access_log
        older = log.with_name(f"{log.name}.1")
        files = [file for file in (older, log) if file.exists()]
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def metric(self, query: str) -> list[dict[str, Any]]:
        answer = self.prometheus("GET", "query", query=query)
        assert answer.status_code == 200
        return list(answer.json()["data"]["result"])

    def prometheus(self, method: str, what: str, **given: Any) -> httpx.Response:
        url = f"{self.shop.record.address('prometheus')}/api/v1/{what}"
        sent = {"params": given} if method == "GET" else {"data": given}
        return httpx.request(method, url, timeout=2, trust_env=False, **sent)


@pytest.fixture
def broken(open_shop: Shop) -> Iterator[BrokenShop]:
    """The session's shop; every fault and the work end with the test."""
    broken = BrokenShop(open_shop)
    yield broken
    broken.mend()
    broken.mend("work")


@pytest.mark.parametrize(
    ("rate", "asked", "fewest", "most"), [("1%", 100, 0, 15), ("10%", 300, 5, 70), ("100%", 30, 30, 30)]
)
def test_a_share_of_one_route_fails_in_the_application_itself(
    broken: BrokenShop, rate: str, asked: int, fewest: int, most: int
) -> None:
    broken.fault("errors", "--rate", rate, "--route", "GET /checkout")
    before = broken.errors_logged().count("ERROR GET /checkout: Error: injected")
    seen = broken.statuses(asked, "/checkout")
    assert set(seen) <= {200, 500}
    assert fewest <= seen[500] <= most
    while not seen[500] and seen.total() < 3000:
        seen += broken.statuses(50, "/checkout")
    assert seen[500]
    wait_for(
        lambda: broken.errors_logged().count("ERROR GET /checkout: Error: injected") - before >= seen[500],
        "an ERROR line for each",
    )
    assert broken.statuses(30, "/login") == {200: 30}
    broken.mend()
    assert broken.statuses(30, "/checkout") == {200: 30}


def test_a_route_that_fails_shows_the_applications_own_page_of_it(broken: BrokenShop) -> None:
    broken.fault("errors", "--route", "/login")
    answer = broken.shop.request("POST", "/login", {"user": "guest", "password": "demo"})
    assert answer.status_code == 500
    assert "Something broke." in answer.text
    broken.fault("errors", "--route", "/shop.css")
    assert broken.shop.get("/shop.css").status_code == 500
    assert broken.shop.get("/login").status_code == 200, "one of a name at a time"


def test_several_routes_are_broken_at_once_each_in_its_way(
    broken: BrokenShop, capsys: pytest.CaptureFixture[str]
) -> None:
    broken.fault("errors", "--route", "/login")
    broken.fault("errors", "--also", "--route", "/version")
    broken.fault("errors", "--also", "--route", "/login")
    broken.fault("work", "--median", "50", "--sigma", "0")
    broken.fault("slow", "--by", "500%", "--route", "/")
    broken.fault("slow", "--also", "--by", "200%", "--route", "/checkout")
    assert [broken.ask(path)[0] for path in ("/login", "/version", "/")] == [500, 500, 200]
    assert broken.ask("/")[1] >= 0.99 * 300
    assert broken.ask("/checkout")[1] >= 0.99 * 150
    on = broken.shop.sandbox.status().faults
    assert list(on) == ["errors /version", "errors /login", "work", "slow", "slow /checkout"]
    capsys.readouterr()
    broken.mend("errors")
    assert "Ended: errors.\nStill on: work" in capsys.readouterr().out
    assert broken.statuses(10, "/version") == {200: 10}
    broken.fault("slow", "--by", "100%", "--route", "/login")
    wait_for(lambda: broken.ask("/checkout")[1] < 150, "an answer that isn't stretched")


@pytest.mark.parametrize(("percent", "work"), [(5, 400), (15, 400), (30, 100), (300, 100)])
def test_everything_takes_longer_by_a_share(broken: BrokenShop, percent: int, work: int) -> None:
    broken.fault("work", "--median", str(work), "--sigma", "0")
    broken.fault("slow", "--by", f"+{percent}%")
    answers = broken.ask_often(12, "/checkout")
    assert {status for status, _ in answers} == {200}
    # Timers are late under load, and never early by more than their grain.
    assert min(took for _, took in answers) >= 0.99 * work * (1 + percent / 100)
    broken.mend()
    assert broken.ask("/checkout")[1] >= 0.99 * work
    wait_for(lambda: broken.ask("/checkout")[1] < 2 * work, "an answer that isn't stretched")
    broken.mend("work")
    wait_for(lambda: broken.ask("/checkout")[1] < 0.99 * work, "an answer without the work")


def test_work_differs_from_request_to_request(broken: BrokenShop) -> None:
    broken.fault("work", "--median", "20", "--sigma", "1")
    took = sorted(took for _, took in broken.ask_often(60, "/"))
    assert took[-5] > 1.3 * took[5]


def test_slowness_of_one_route_leaves_the_others(broken: BrokenShop) -> None:
    broken.fault("work", "--median", "20", "--sigma", "0")
    broken.fault("slow", "--by", "1000%", "--route", "/checkout")
    assert min(took for _, took in broken.ask_often(5, "/checkout")) > 200
    wait_for(lambda: broken.ask("/")[1] < 200, "a quick answer of another route")


def test_a_leak_keeps_memory_up_to_its_bound_and_a_mended_process_gives_it_back(broken: BrokenShop) -> None:
    before = {worker.pid: worker.memory_info().rss for worker in broken.workers()}
    assert len(before) == 2

    def grown() -> list[float]:
        return [(worker.memory_info().rss - before[worker.pid]) / 1e6 for worker in broken.workers()]

    broken.fault("leak", "--megabytes-per-second", "50", "--at-most", "100")
    wait_for(lambda: min(grown()) > 60, "every process to grow")
    wait_for(
        lambda: (
            float(broken.metric("sum(process_resident_memory_bytes)")[0]["value"][1])
            > sum(before.values()) + 100e6
        ),
        "the metric to tell of it",
    )
    assert max(grown()) < 180
    broken.mend()
    wait_for(lambda: max(grown()) < 50, "the memory to be given back")


def test_a_crash_loop_is_restarted_by_pm2_until_it_is_mended(broken: BrokenShop) -> None:
    before = {worker.pid for worker in broken.workers()}
    broken.fault("crash", "--every", "1.2")
    seen: set[int] = set()

    def several_restarts() -> bool:
        seen.update(int(file.read_text() or 0) for file in pid_files(broken))
        return len(seen - before) >= 4

    wait_for(several_restarts, "pm2 to start both processes anew, and again")
    assert "injected by `handrail sandbox fault crash`" in broken.errors_logged()
    broken.mend()
    assert broken.statuses(20, "/healthz") == {200: 20}
    assert not before & {worker.pid for worker in broken.workers()}


def pid_files(broken: BrokenShop) -> list[Path]:
    return sorted((broken.shop.sandbox.layout.pm2_home / "pids").glob("*.pid"))


def test_mend_starts_what_pm2_has_given_up(broken: BrokenShop) -> None:
    broken.fault("errors")
    broken.shop.run(*broken.shop.target.pm2.program, "stop", "shop", "--silent")
    assert broken.ask("/")[0] == 0
    broken.mend()
    assert broken.statuses(20, "/checkout") == {200: 20}


def test_frozen_processes_are_online_and_answer_nothing_until_they_are_mended(broken: BrokenShop) -> None:
    before = [worker.pid for worker in broken.workers()]
    broken.fault("freeze")
    assert broken.statuses(6, "/", seconds=0.7) == {0: 6}
    listed = json.loads(broken.shop.run(*broken.shop.target.pm2.program, "jlist", "--silent"))
    assert [each["pm2_env"]["status"] for each in listed] == ["online", "online"]
    broken.mend()
    assert broken.statuses(20, "/") == {200: 20}
    assert [worker.pid for worker in broken.workers()] == before


def test_with_one_frozen_process_the_other_goes_on(broken: BrokenShop) -> None:
    broken.fault("freeze", "--processes", "one")
    seen = broken.statuses(12, "/", seconds=3)
    assert seen[200] >= 9
    broken.mend()
    assert broken.statuses(20, "/") == {200: 20}


def test_one_path_hangs_and_who_gave_up_stands_in_the_access_log(broken: BrokenShop) -> None:
    broken.fault("hang", "--path", "/healthz")
    assert broken.ask("/healthz?deep=1", seconds=0.5, past_proxy=False)[0] == 0
    assert broken.statuses(10, "/", past_proxy=False) == {200: 10}
    (line,) = wait_for(
        lambda: [line for line in broken.access() if line["path"] == "/healthz?deep=1"], "its line in the log"
    )
    assert line["status"] == 499
    waiting = ThreadPoolExecutor(1).submit(broken.ask, "/healthz")
    broken.mend()
    assert broken.ask("/healthz")[0] == 200
    assert waiting.result(10)[0] in (0, 200), "those that still hang are let go"


def test_what_is_broken_is_said_and_ended_by_name(
    broken: BrokenShop, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--at", str(broken.root)]
    broken.fault("errors", "--rate", "1%", "--route", "post  /checkout")
    broken.fault("hang", "--only-version", "1.9.9")
    broken.fault("work")
    broken.fault("prometheus", "--answers", "empty")
    capsys.readouterr()
    assert main(["sandbox", "status", *at]) == ExitCode.FINISHED
    said = capsys.readouterr().out
    for words in (
        "on: errors: 1 % of the requests to POST /checkout are answered with 500",
        "on: hang: /healthz never answers, in 1.9.9 alone",
        "on: work: each request works 40 ms (median), sigma 0.4",
        "on: prometheus: the stand-in answers that there is no such series",
    ):
        assert words in said
    assert main(["sandbox", "mend", "hang", *at]) == ExitCode.FINISHED
    assert "Ended: hang." in capsys.readouterr().out
    assert main(["sandbox", "mend", *at]) == ExitCode.FINISHED
    assert "Ended: errors, prometheus.\nStill on: work" in capsys.readouterr().out
    assert main(["sandbox", "status", "--json", *at]) == ExitCode.FINISHED
    assert json.loads(capsys.readouterr().out)["faults"] == {
        "work": {"median_milliseconds": 40.0, "sigma": 0.4}
    }
    assert main(["sandbox", "mend", "work", *at]) == ExitCode.FINISHED
    assert not broken.shop.sandbox.layout.served.faults.exists()


def test_a_damaged_control_file_changes_nothing_and_is_named(
    broken: BrokenShop, capsys: pytest.CaptureFixture[str]
) -> None:
    control = broken.shop.sandbox.layout.served.faults
    broken.fault("errors")
    assert broken.statuses(10, "/checkout") == {500: 10}
    control.write_text("{")
    assert broken.statuses(10, "/checkout") == {500: 10}
    capsys.readouterr()
    assert main(["sandbox", "fault", "freeze", "--at", str(broken.root)]) == (ExitCode.FAILED_OR_ROLLED_BACK)
    assert f"delete that file, which ends them all: rm {control}" in capsys.readouterr().err
    control.unlink()
    assert broken.statuses(10, "/checkout") == {200: 10}


def test_the_access_log_tells_of_each_request_and_knows_the_maintenance_page(broken: BrokenShop) -> None:
    assert broken.ask("/login?page=2", past_proxy=False)[0] == 200
    broken.shop.run("./scripts/enable-maintenance.sh")
    assert broken.ask("/login?page=3", past_proxy=False)[0] == 503
    broken.shop.run("./scripts/disable-maintenance.sh")

    def lines(path: str) -> list[dict[str, Any]]:
        return [line for line in broken.access() if line["path"] == path]

    (line,) = wait_for(lambda: lines("/login?page=2"), "the request's line")
    assert set(line) == LOG_FIELDS
    assert (line["method"], line["status"], line["agent"]) == ("GET", 200, "test")
    assert line["upstream"] == f"127.0.0.1:{broken.shop.record.ports['app']}"
    assert line["milliseconds"] > 0
    assert line["bytes"] > 500
    (line,) = wait_for(lambda: lines("/login?page=3"), "the maintenance page's line")
    assert (line["status"], line["upstream"], line["maintenance"]) == (503, "", True)


def test_the_stand_in_answers_in_prometheus_shapes(broken: BrokenShop) -> None:
    rate = "sum(rate(http_requests_total[1m]))"
    broken.statuses(20, "/", past_proxy=False)
    (sample,) = wait_for(lambda: broken.metric(rate), "the proxy's requests in the metrics")
    assert sample["metric"] == {}
    at, value = sample["value"]
    assert isinstance(at, float)
    assert float(value) >= 20 / 60
    instances = [each["metric"]["instance"] for each in broken.metric("process_resident_memory_bytes")]
    assert instances == ["shop-0", "shop-1"]
    quantile = "histogram_quantile(0.5, sum(rate(http_request_duration_seconds_bucket[1m])) by (le))"
    assert 0 < float(broken.metric(quantile)[0]["value"][1]) < 30

    begin = int(at) - 10
    answer = broken.prometheus("POST", "query_range", query=rate, start=begin, end=begin + 10, step="5s")
    data = answer.json()["data"]
    assert data["resultType"] == "matrix"
    (series,) = data["result"]
    assert all(isinstance(number, str) for _, number in series["values"])
    assert [at for at, _ in series["values"]][-1] == begin + 10

    for given, why in (
        ({"query": "rate("}, 'invalid parameter "query"'),
        ({"query": "up", "time": "noon"}, 'cannot parse "noon" to a valid timestamp'),
    ):
        answer = broken.prometheus("GET", "query", **given)
        assert answer.status_code == 400
        assert answer.json()["status"] == "error"
        assert answer.json()["errorType"] == "bad_data"
        assert why in answer.json()["error"]
    for given, why in (
        ({"start": 0, "end": 10, "step": 0}, "zero or negative"),
        ({"start": 10, "end": 0, "step": 1}, "before start time"),
        ({"start": 0, "end": 1e9, "step": 1}, "exceeded maximum resolution of 11,000 points"),
        ({"start": 0, "end": 10, "step": "soon"}, "valid duration"),
    ):
        answer = broken.prometheus("GET", "query_range", query="up", **given)
        assert (answer.status_code, why in answer.json()["error"]) == (400, True)


def not_json(answer: httpx.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("answers", "status", "shows"),
    [
        ("html", 200, lambda answer: "<html>" in answer.text),
        ("truncated", 200, lambda answer: answer.text.startswith('{"status":"success"') and not_json(answer)),
        ("empty", 200, lambda answer: answer.json()["data"]["result"] == []),
        ("error", 503, lambda answer: answer.json()["status"] == "error"),
    ],
)
def test_the_stand_in_answers_nonsense(
    broken: BrokenShop, answers: str, status: int, shows: Callable[[httpx.Response], bool]
) -> None:
    broken.fault("prometheus", "--answers", answers)
    answer = broken.prometheus("GET", "query", query="up")
    assert answer.status_code == status
    assert shows(answer)
    broken.mend()
    assert len(broken.metric("up")) == 2


def test_the_stand_in_hangs(broken: BrokenShop) -> None:
    broken.fault("prometheus", "--answers", "hang")
    with pytest.raises(httpx.ReadTimeout):
        broken.prometheus("GET", "query", query="up")
    broken.mend()
    assert len(broken.metric("up")) == 2


def test_more_customers_come_when_they_are_asked_for(broken: BrokenShop) -> None:
    sandbox = broken.shop.sandbox
    sandbox.up(silent, per_second=100)
    assert "100 requests a second" in "\n".join(sandbox.status().lines())
    before = len(broken.access())
    wait_for(lambda: len(broken.access()) > before + 250, "as many as would take a minute before")
    assert {line["agent"] for line in broken.access()[-100:]} == {"customer"}
    sandbox.up(silent, per_second=4)
    assert broken.shop.record.per_second == 4


def test_one_release_is_broken_and_a_reset_ends_every_fault(broken: BrokenShop) -> None:
    broken.fault("errors", "--route", "/", "--only-version", "1.3.0")
    assert broken.statuses(20, "/") == {200: 20}
    broken.shop.deploy("v1.3.0", migrate=False)
    assert broken.statuses(20, "/") == {500: 20}
    for name in ("freeze", "hang", "work", "prometheus"):
        broken.fault(name)
    broken.shop.sandbox.reset(silent)
    assert broken.shop.sandbox.status().faults == {}
    assert broken.shop.version() == "1.2.3"
    assert broken.statuses(20, "/healthz") == {200: 20}
