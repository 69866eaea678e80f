"""GitHub's REST API, asked only at the target's own address; every doubt is an `Unanswered`.

Shapes: https://docs.github.com/en/rest (checks/runs, commits/statuses, commits/commits, pulls/pulls,
pulls/reviews).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from handrail.errors import HandrailError
from handrail.policy.ci import Check
from handrail.policy.people import Person, person
from handrail.policy.review import Review
from handrail.probes.exchange import Answer, NoAnswer, Request
from handrail.tasks.workplace import Workplace

PAGE_SIZE = 50
MOST_PAGES = 20
# GitHub lists no more of a pull request's commits than this.
MOST_COMMITS = 250
TIMEOUT_SECONDS = 10.0
_TOKEN = re.compile(r"[\x21-\x7e]+")
_CO_AUTHOR = re.compile(r"^co-authored-by:.*<([^<>]+)>\s*$", re.IGNORECASE | re.MULTILINE)


class Unanswered(HandrailError):
    """GitHub didn't say, or said what can't be used; never a verdict."""


class GitHub:
    """One repository's answers. Raises `Unanswered` from every method."""

    def __init__(self, place: Workplace) -> None:
        settings = place.target.github
        if settings is None:
            raise Unanswered(
                f"the target {place.site.name} names no repository at GitHub",
                next_step=f"set repository in [targets.{place.site.name}.github] of handrail.toml.",
            )
        self._place = place
        self._base = f"{settings.api.rstrip('/')}/repos/{settings.repository}"
        self._headers = {
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
            "user-agent": "handrail",
        }
        if settings.token is not None:
            token = settings.token.reveal().strip()
            if not _TOKEN.fullmatch(token):
                raise Unanswered(
                    "the token for GitHub has characters that no token has",
                    next_step="write it anew into its file or environment variable.",
                )
            self._headers["authorization"] = f"Bearer {token}"

    def checks(self, commit: str) -> list[Check]:
        """Every check run and commit status of a commit, the latest of each."""
        runs = self._pages(f"/commits/{commit}/check-runs", inside="check_runs", filter="latest")
        found = [
            Check(
                name=_text(run, "name"),
                commit=_text(run, "head_sha"),
                state=_text(run, "conclusion", "") or _text(run, "status"),
            )
            for run in runs
        ]
        statuses = self._pages(f"/commits/{commit}/status", inside="statuses", whole={"sha": commit})
        return found + [Check(_text(each, "context"), commit, _text(each, "state")) for each in statuses]

    def pulls(self, commit: str) -> list[dict[str, Any]]:
        """The pull requests that a commit belongs to."""
        return self._pages(f"/commits/{commit}/pulls")

    def reviews(self, number: int) -> list[Review]:
        """A pull request's reviews, oldest first."""
        return [
            Review(
                login=_text(each.get("user") or {}, "login", ""),
                kind=_text(each.get("user") or {}, "type", ""),
                association=_text(each, "author_association", ""),
                state=_text(each, "state"),
                commit=_text(each, "commit_id", ""),
            )
            for each in self._pages(f"/pulls/{number}/reviews")
        ]

    def commits(self, number: int) -> list[dict[str, Any]]:
        """The commits of a pull request, as the API gives them."""
        found = self._pages(f"/pulls/{number}/commits")
        if len(found) >= MOST_COMMITS:
            raise Unanswered(
                f"pull request {number} has {MOST_COMMITS} commits or more, and GitHub lists no more of them"
            )
        return found

    def tree(self, commit: str) -> str:
        """The tree of a commit: two commits with one tree have the same content."""
        found = self._get(f"/git/commits/{commit}", {})[0]
        if not isinstance(found, dict) or not isinstance(found.get("tree"), dict):
            raise _shape(f"/git/commits/{commit}")
        return _text(found["tree"], "sha")

    def _pages(
        self, path: str, *, inside: str = "", whole: Mapping[str, str] | None = None, **query: str
    ) -> list[dict[str, Any]]:
        """Every item of a list, page by page. `whole` is what each page must say beside its list."""
        found: list[dict[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            content, more = self._get(path, {**query, "per_page": PAGE_SIZE, "page": page})
            items = content
            if inside:
                if not isinstance(content, dict):
                    raise _shape(path)
                items = content.get(inside)
                for name, expected in (whole or {}).items():
                    if content.get(name) != expected:
                        raise Unanswered(f"GitHub's answer for {path} is about {str(content.get(name))[:40]}")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise _shape(path)
            found += items
            if not more:
                total = content.get("total_count") if isinstance(content, dict) else None
                if isinstance(total, int) and total != len(found):
                    raise Unanswered(f"GitHub counts {total} in {path}, and gave {len(found)}: ask again")
                return found
        raise Unanswered(f"GitHub has more than {MOST_PAGES} pages for {path}: not all of them were read")

    def _get(self, path: str, query: Mapping[str, str | int]) -> tuple[Any, bool]:
        """One answer, and whether another page follows it."""
        url = f"{self._base}{path}{f'?{urlencode(query)}' if query else ''}"
        request = Request(
            url, headers=self._headers, timeout=TIMEOUT_SECONDS, by_proxy=True, dry_body=_dry(path)
        )
        try:
            answer = self._place.performer.request(request)
        except NoAnswer as error:
            raise Unanswered(error.summary, next_step="see to the network, then check again.") from error
        if answer.status != 200:
            raise _refusal(answer, path)
        try:
            content = json.loads(answer.body)
        except ValueError as error:
            raise Unanswered(
                f"GitHub's answer for {path} is not whole JSON ({len(answer.body)} characters)",
                next_step="check again.",
            ) from error
        return content, 'rel="next"' in answer.headers.get("link", "")


def authors_of(commit: Mapping[str, Any]) -> list[Person]:
    """Who wrote one of the API's commits: its author, with a login where GitHub knows one, and co-authors."""
    inner = commit.get("commit")
    if not isinstance(inner, dict) or not isinstance(inner.get("author"), dict):
        raise _shape("a commit")
    login = _text(commit.get("author") or {}, "login", "")
    email = _text(inner["author"], "email", "")
    others: Iterable[str] = _CO_AUTHOR.findall(_text(inner, "message", ""))
    return [person(logins=[login], emails=[email]), *(person(emails=[each]) for each in others)]


def _text(values: Any, name: str, otherwise: str | None = None) -> str:
    """A text in an answer; `otherwise` stands for null and for what is missing."""
    found = values.get(name) if isinstance(values, dict) else None
    if isinstance(found, str):
        return found
    if found is None and otherwise is not None:
        return otherwise
    raise _shape(name)


def _shape(what: str) -> Unanswered:
    return Unanswered(f"GitHub's answer has another shape than documented, at {what}")


def _refusal(answer: Answer, path: str) -> Unanswered:
    """Why an answer is no answer, in words."""
    said = _message(answer)
    status = answer.status
    if status in (403, 429):
        if answer.headers.get("x-ratelimit-remaining") == "0":
            return Unanswered(
                f"GitHub's rate limit is used up{_until(answer.headers.get('x-ratelimit-reset', ''))}",
                next_step="wait until then; with a token in [github] the limit is far higher.",
            )
        if after := answer.headers.get("retry-after"):
            return Unanswered(f"GitHub asks to be left alone for {after[:10]} s (status {status}){said}")
        return Unanswered(
            f"GitHub refuses {path} (status {status}){said}",
            next_step="see which permissions the token has: it must read checks, statuses and pull requests.",
        )
    if status == 401:
        return Unanswered(f"GitHub doesn't take the token (status 401){said}", next_step="make a new token.")
    if status in (404, 422):
        return Unanswered(
            f"GitHub knows no such repository or commit, or the token may not see it ({path},"
            f" status {status}){said}",
            next_step="was the commit pushed there? See `repository` in handrail.toml, and the token.",
        )
    if 300 <= status < 400:
        return Unanswered(
            f"GitHub says that {path} has moved (status {status}), which is not followed",
            next_step="correct `repository` and `api` in handrail.toml.",
        )
    return Unanswered(
        f"GitHub has a fault (status {status} for {path}){said}", next_step="check again later."
    )


def _message(answer: Answer) -> str:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return ""
    said = found.get("message") if isinstance(found, dict) else None
    return f": {' '.join(said.split())[:200]}" if isinstance(said, str) and said.strip() else ""


def _until(epoch: str) -> str:
    try:
        return f" until {datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""


def _dry(path: str) -> str:
    """An answer with nothing in it: a dry run shows what is asked first, and stops there."""
    if path.endswith("/check-runs"):
        return '{"total_count": 0, "check_runs": []}'
    if path.endswith("/status"):
        return json.dumps({"sha": path.split("/")[2], "statuses": []})
    return "[]"
