"""Announcements to a real receiver that has the faults of a real one."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytestmark = pytest.mark.e2e
PATH = "/services/T0/B0/SECRET"


class Receiver(ThreadingHTTPServer):
    """Answers with the given statuses, one after the other, the last one for ever; 0 never answers."""

    daemon_threads = True

    def __init__(self, statuses: list[tuple[int, dict[str, str]]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = statuses
        self.posts: list[str] = []
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.over = threading.Event()

    @property
    def target(self) -> dict[str, Any]:
        return {"name": "production", "announce": {"webhook": f"http://127.0.0.1:{self.server_port}{PATH}"}}


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posts.append(json.loads(body)["text"])
        self.server.messages.append((self.path, json.loads(body)))
        status, headers = self.server.statuses[min(len(self.server.posts), len(self.server.statuses)) - 1]
        if status == 0:
            self.server.over.wait(60)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.path.endswith("chat.postMessage"):
            allowed = self.headers["authorization"] == "Bearer TOKEN"
            said = {"ok": True, "ts": f"17.{len(self.server.posts)}"}
            self.wfile.write(json.dumps(said if allowed else {"ok": False, "error": "invalid_auth"}).encode())
        else:
            self.wfile.write(b"ok" if status == 200 else b"no_service")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name that the base class has)
        """Quiet."""


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    server = Receiver([entry if isinstance(entry, tuple) else (entry, {}) for entry in request.param])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("receiver", "code", "posts", "said"),
    [
        ([200], 0, 1, "Posted to #deployments"),
        ([500, 200], 0, 2, "trying again in 0.5 s"),
        ([500], 1, 4, "it is tried again for a while"),
        ([404], 4, 1, "whether the webhook is still valid"),
        ([410], 4, 1, "the webhook answered 410"),
        ([(429, {"Retry-After": "1"}), 200], 0, 2, "trying again in 1 s"),
        ([0], 5, 1, "was perhaps posted"),
    ],
    indirect=["receiver"],
)
def test_a_receiver_with_faults(begin, receiver: Receiver, code: int, posts: int, said: str) -> None:
    done = begin("announce.post", {"text": "hello <!channel>"}, receiver.target)
    assert (done.code, len(receiver.posts)) == (code, posts), done.log
    assert said in done.log
    assert "SECRET" not in done.log
    assert set(receiver.posts) == {"hello &lt;!channel>"}


def test_nobody_listens(begin) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        webhook = f"http://127.0.0.1:{taken.getsockname()[1]}{PATH}"
        done = begin("announce.post", {"text": "x"}, {"announce": {"webhook": webhook}})
    assert done.code == 1
    assert "can't be reached" in done.log
    assert "post the text in the channel by hand" in done.log
    assert "SECRET" not in done.log


def test_a_secret_that_is_missing(begin) -> None:
    done = begin("announce.post", {"text": "x"}, {"announce": {"webhook": {"env": "NO_SUCH_WEBHOOK"}}})
    assert done.code == 1
    assert "NO_SUCH_WEBHOOK" in done.log


def test_no_webhook_at_all(begin) -> None:
    done = begin("announce.post", {"text": "x"}, {"name": "production"})
    assert done.code == 2
    assert "names no webhook" in done.log


@pytest.mark.parametrize("receiver", [[200]], indirect=True)
def test_a_deployment_in_the_words_of_the_workflow(begin, receiver: Receiver) -> None:
    arguments = {"feature": "gift notes", "eta": "14:50", "on_call": "on-call engineer", "ref": "v1.3.0"}
    assert begin("announce.deployment", arguments, receiver.target).code == 0
    (text,) = receiver.posts
    assert text.splitlines() == [
        "Deploying gift notes (v1.3.0) to production",
        "ETA: 14:50",
        "Rollback plan: rollback-code runbook",
        "On-call: @on-call engineer",
    ]


def by_token(receiver: Receiver, token: str) -> dict[str, Any]:
    api = f"http://127.0.0.1:{receiver.server_port}/api"
    return {"name": "production", "announce": {"token": token, "api": api, "channel": "#deployments"}}


@pytest.mark.parametrize("receiver", [[200]], indirect=True)
def test_with_a_token_the_news_go_into_one_thread(begin, receiver: Receiver) -> None:
    first = begin("announce.post", {"text": "Deploying"}, by_token(receiver, "TOKEN"))
    assert first.facts == {"announcement_thread": "17.1"}, first.log
    then = begin("announce.post", {"text": "Done", "thread": "17.1"}, by_token(receiver, "TOKEN"))
    assert then.code == 0
    assert then.facts == {}
    assert receiver.messages == [
        ("/api/chat.postMessage", {"channel": "#deployments", "text": "Deploying"}),
        ("/api/chat.postMessage", {"channel": "#deployments", "text": "Done", "thread_ts": "17.1"}),
    ]
    assert "TOKEN" not in first.log


@pytest.mark.parametrize("receiver", [[200]], indirect=True)
def test_a_refusal_with_status_200_is_a_refusal(begin, receiver: Receiver) -> None:
    done = begin("announce.post", {"text": "x"}, by_token(receiver, "OTHER"))
    assert done.code == 4
    assert "invalid_auth" in done.log
