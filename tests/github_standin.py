"""A stand-in for GitHub's REST API on loopback: its response shapes, its pages, its faults.

Shapes are those of docs.github.com/en/rest (version 2022-11-28), with the fields that clients rely on.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "team/shop"


def user(login: str, kind: str = "User") -> dict[str, Any]:
    """A simple user."""
    return {"login": login, "id": 1, "type": kind, "site_admin": False}


def check_run(name: str, commit: str, status: str = "completed", conclusion: str | None = "success") -> Any:
    """A check run."""
    return {
        "id": 4,
        "name": name,
        "head_sha": commit,
        "status": status,
        "conclusion": conclusion,
        "started_at": "2026-05-04T01:14:52Z",
        "completed_at": None if conclusion is None else "2026-05-04T01:16:52Z",
        "output": {"title": None, "summary": None, "annotations_count": 0},
        "app": {"id": 1, "slug": "github-actions", "name": "GitHub Actions"},
        "pull_requests": [],
    }


def status(context: str, state: str) -> Any:
    """A commit status, as the combined status lists it."""
    return {"id": 1, "context": context, "state": state, "description": "", "target_url": None}


def review(login: str | None, commit: str | None, state: str = "APPROVED", **changes: Any) -> Any:
    """A review of a pull request."""
    return {
        "id": 80,
        "user": user(login) if login else None,
        "body": "",
        "state": state,
        "commit_id": commit,
        "submitted_at": "2026-05-04T01:16:52Z",
        "author_association": "MEMBER",
        **changes,
    }


def commit(sha: str, email: str, login: str | None, message: str = "change") -> Any:
    """A commit, as a pull request lists it."""
    who = {"name": "Developer", "email": email, "date": "2026-05-04T01:14:52Z"}
    return {
        "sha": sha,
        "commit": {"author": who, "committer": who, "message": message, "tree": {"sha": "0" * 40}},
        "author": user(login) if login else None,
        "committer": user("web-flow"),
        "parents": [],
    }


def pull(number: int, head: str, login: str, *, merged_as: str | None = None) -> Any:
    """A pull request, as the list for a commit has it."""
    return {
        "number": number,
        "state": "closed" if merged_as else "open",
        "user": user(login),
        "head": {"ref": "feature", "sha": head},
        "base": {"ref": "main", "sha": "0" * 40},
        "merged_at": "2026-05-04T02:00:00Z" if merged_as else None,
        "merge_commit_sha": merged_as,
    }


Fault = Callable[[BaseHTTPRequestHandler], None]


class GitHubStandIn:
    """What it knows, as tests set it; `requests` are the paths that were asked for, `tokens` what came along.

    `fault` answers in place of everything; `faults` by a part of the path.
    """

    def __init__(self, address: str) -> None:
        self.api = address
        self.check_runs: dict[str, list[Any]] = {}
        self.statuses: dict[str, list[Any]] = {}
        self.pulls: dict[str, list[Any]] = {}
        self.reviews: dict[int, list[Any]] = {}
        self.commits: dict[int, list[Any]] = {}
        self.trees: dict[str, str] = {}
        self.requests: list[str] = []
        self.tokens: list[str] = []
        self.faults: dict[str, Fault] = {}
        self.status_sha: str | None = None
        self.total_count_more = 0

    def answer(self, path: str) -> Any:
        """The whole answer to a path, pages aside; `None` for one that it doesn't have."""
        prefix = f"/repos/{REPOSITORY}"
        if not path.startswith(prefix):
            return None
        path = path.removeprefix(prefix)
        if match := re.fullmatch(r"/commits/([0-9a-f]{40})/(check-runs|status|pulls)", path):
            sha, what = match.groups()
            if what == "check-runs":
                runs = self.check_runs.get(sha, [])
                return {"total_count": len(runs) + self.total_count_more, "check_runs": runs}
            if what == "status":
                found = self.statuses.get(sha, [])
                return {
                    "state": "pending",
                    "sha": self.status_sha or sha,
                    "total_count": len(found),
                    "statuses": found,
                }
            return self.pulls.get(sha, [])
        if match := re.fullmatch(r"/pulls/(\d+)/(reviews|commits)", path):
            table = self.reviews if match[2] == "reviews" else self.commits
            return table.get(int(match[1]), [])
        if match := re.fullmatch(r"/git/commits/([0-9a-f]{40})", path):
            tree = self.trees.get(match[1])
            return {"sha": match[1], "tree": {"sha": tree}, "parents": []} if tree else None
        return None


def send(handler: BaseHTTPRequestHandler, code: int, body: str, **headers: str) -> None:
    """Send one answer; underscores in header names stand for hyphens."""
    data = body.encode()
    handler.send_response(code)
    handler.send_header("content-type", "application/json; charset=utf-8")
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def refusing(code: int, message: str, **headers: str) -> Fault:
    """A fault that answers with this status, and GitHub's own error shape."""
    body = json.dumps({"message": message, "documentation_url": "https://docs.github.com/rest"})
    return lambda handler: send(handler, code, body, **headers)


def truncated(handler: BaseHTTPRequestHandler) -> None:
    """A fault: the answer ends in the middle, but as if that were all of it."""
    send(handler, 200, '{"total_count": 1, "check_runs": [{"name": "build", "head_')


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    """A fault: the connection ends before the announced length."""
    handler.send_response(200)
    handler.send_header("content-length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"total_count": 1')


@contextmanager
def github() -> Iterator[GitHubStandIn]:
    """A running stand-in."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            standin.requests.append(self.path)
            standin.tokens.append(self.headers.get("authorization", ""))
            for part, fault in standin.faults.items():
                if part in parts.path:
                    fault(self)
                    return
            found = standin.answer(parts.path)
            if found is None:
                refusing(404, "Not Found")(self)
                return
            query = parse_qs(parts.query)
            size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
            key = next((k for k in ("check_runs", "statuses") if isinstance(found, dict) and k in found), "")
            items = found[key] if key else found
            headers = {}
            if isinstance(items, list):
                cut = items[(page - 1) * size : page * size]
                if page * size < len(items):
                    following = f"{standin.api}{parts.path}?per_page={size}&page={page + 1}"
                    headers["link"] = f'<{following}>; rel="next", <{following}>; rel="last"'
                found = {**found, key: cut} if key else cut
            send(self, 200, json.dumps(found), **headers)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    standin = GitHubStandIn(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
