"""Flags, cache and CDN: a real application and a real cache before it, asked as visitors and past it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from caching_proxy import CachingProxy, cached
from task_inside import Inside, inside

__all__ = ["inside"]
pytestmark = pytest.mark.e2e


class Application:
    """Pages by path, which a test changes as a release does; a list in a path answers in turn."""

    def __init__(self) -> None:
        self.pages: dict[str, str | list[str]] = {"/": "old", "/flags": '{"giftNotes": false}'}
        self.releases: dict[str, str] = {}
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = application.pages.get(self.path)
                text = page.pop(0) if isinstance(page, list) else page
                body = (text or "no such page").encode()
                self.send_response(404 if text is None else 200)
                if self.path in application.releases:
                    self.send_header("etag", application.releases[self.path])
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *values: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    thread = threading.Thread(target=application.server.serve_forever, daemon=True)
    thread.start()
    yield application
    application.server.shutdown()
    application.server.server_close()
    thread.join()


@pytest.fixture
def front(application: Application) -> Iterator[CachingProxy]:
    with cached(application.address) as proxy:
        yield proxy


def target(application: Application, public: str, **visibility: Any) -> dict[str, Any]:
    return {"name": "production", "url": public, "app_url": application.address, "visibility": visibility}


PURGE = ["./scripts/purge-cache.sh", "--all"]


def test_an_old_copy_is_told_with_its_age_and_with_what_empties_the_cache(
    application: Application, front: CachingProxy, inside: Inside
) -> None:
    made = target(application, front.address, cache={"paths": ["/"], "purge": PURGE})
    assert inside("visible.cache", {}, made).verdict == "pass"
    application.pages["/"] = "new"
    done = inside("visible.cache", {}, made)
    assert done.verdict == "fail", done.log
    assert "/: visitors get another one" in done.log
    assert "x-cache: HIT" in done.log
    assert "age: " in done.log
    assert "empty it: `./scripts/purge-cache.sh --all`" in done.log
    assert front.kept, "a check empties nothing"
    front.purge()
    assert inside("visible.cache", {}, made).verdict == "pass"


def test_copies_can_be_told_apart_by_a_header(
    application: Application, front: CachingProxy, inside: Inside
) -> None:
    made = target(application, front.address, cache={"paths": ["/clock"], "header": "ETag"})
    application.pages["/clock"] = [str(number) for number in range(20)]
    assert inside("visible.cache", {}, made).verdict == "unknown", "without the header"
    application.releases["/clock"] = '"v1"'
    front.purge()
    assert inside("visible.cache", {}, made).verdict == "pass", "its body differs, its header doesn't"
    application.releases["/clock"] = '"v2"'
    assert inside("visible.cache", {}, made).verdict == "fail"
    made["visibility"] = {"cache": {"paths": ["/clock"]}}
    done = inside("visible.cache", {}, made)
    assert done.verdict == "unknown"
    assert "differs from request to request" in done.log


def test_a_cdn_is_looked_at_several_times(
    application: Application, front: CachingProxy, inside: Inside
) -> None:
    application.pages["/app.js"] = "old"
    made = target(application, "http://127.0.0.1:9", cdn={"paths": ["/app.js"], "url": front.address})
    assert inside("visible.cdn", {}, made).verdict == "pass"
    assert front.asked == ["/app.js"] * 3
    application.pages["/app.js"] = "new"
    done = inside("visible.cdn", {}, made)
    assert done.verdict == "fail"
    assert "/app.js: 3 of 3 answers are another one" in done.log


@pytest.mark.parametrize(
    ("flag", "page", "verdict", "said"),
    [
        ({"contains": '"giftNotes": true'}, None, "fail", "the feature flag gift notes is off"),
        ({"contains": '"giftNotes": true'}, '{"giftNotes": true}', "pass", "is on"),
        ({"equals": "on"}, "on\n", "pass", "is on"),
        ({"equals": "on"}, "off", "fail", "it is 'off'"),
        ({"equals": "on", "path": "/nowhere"}, None, "unknown", "status 404"),
    ],
)
def test_a_flag_that_a_page_tells(
    application: Application,
    front: CachingProxy,
    inside: Inside,
    flag: dict[str, str],
    page: str | None,
    verdict: str,
    said: str,
) -> None:
    if page is not None:
        application.pages["/flags"] = page
    made = target(application, front.address, flags=[{"name": "gift notes", "path": "/flags", **flag}])
    done = inside("visible.flags", {}, made)
    assert done.verdict == verdict, done.log
    assert said in done.log
    assert front.asked == [], "a flag is asked of the application itself"


@pytest.mark.parametrize("task", ["visible.flags", "visible.cache", "visible.cdn"])
def test_what_is_not_named_is_not_known(application: Application, inside: Inside, task: str) -> None:
    done = inside(task, {}, target(application, "http://127.0.0.1:9"))
    assert done.verdict == "unknown"
    assert "nothing was looked at" in done.log
    assert "[targets.production.visibility]" in done.log


@pytest.mark.parametrize("task", ["visible.cache", "visible.cdn"])
def test_what_can_not_be_compared_is_not_known(application: Application, inside: Inside, task: str) -> None:
    kind = task.partition(".")[2]
    gone = target(application, "http://127.0.0.1:9", **{kind: {"paths": ["/"]}})
    done = inside(task, {}, gone)
    assert done.verdict == "unknown"
    assert "can't be reached" in done.log
    same = target(application, application.address, **{kind: {"paths": ["/"]}})
    assert "no address past its" in inside(task, {}, same).log
    application.pages["/"] = "handrail-maintenance"
    missing = target(application, application.address + "/", **{kind: {"paths": ["/nowhere"]}})
    assert inside(task, {}, missing).verdict == "unknown"


def test_where_pm2_can_not_be_asked_a_variable_is_not_known(application: Application, inside: Inside) -> None:
    made = target(application, "http://127.0.0.1:9", flags=[{"name": "gifts", "variable": "GIFTS"}])
    made["pm2"] = {"program": ["false"], "names": ["shop"]}
    assert inside("visible.flags", {}, made).verdict == "unknown"
