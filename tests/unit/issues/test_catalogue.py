"""The catalogue of common issues: what each entry recognises, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.issues.loader import load, read_issue
from handrail.issues.matcher import LOG_TAIL_BYTES, Failure, find, matches
from handrail.issues.model import Found
from handrail.issues.telling import issue_lines
from handrail.runbook import loader as runbooks

SHIPPED, PROBLEMS = load()


def shown(task: str, log: str = "", **fields: object) -> tuple[Found, ...]:
    return find(SHIPPED, Failure(step="deploy/step", task=task, log=log, **fields))


def test_the_shipped_catalogue_has_no_mistake() -> None:
    assert PROBLEMS == ()
    assert {issue.key for issue in SHIPPED} >= {
        "dependency-conflict",
        "environment-variable-missing",
        "feature-not-visible",
        "migration-failed-midway",
    }


@pytest.mark.parametrize("issue", SHIPPED, ids=lambda issue: issue.key)
def test_each_entry_says_the_cause_and_what_to_do_and_what_does_it(issue) -> None:
    assert len(issue.cause) > 40
    assert len(issue.remedy) > 40
    assert issue.front.runbook or issue.front.step
    if issue.front.runbook:
        runbooks.load(issue.front.runbook)


CASES = [
    ("pm2.verify", "Error: DATABASE_URL is not set", "misses the environment variable DATABASE_URL"),
    ("pm2.verify", "KeyError: required environment variable SESSION_SECRET", "variable SESSION_SECRET"),
    (
        "pm2.verify",
        "Error: The setting DATABASE_URL is missing: write it into .env.",
        "variable DATABASE_URL",
    ),
    ("pm2.verify", "Missing env var: `STRIPE_API_KEY`", "variable STRIPE_API_KEY"),
    ("pm2.verify", 'Environment variable "SMTP_HOST" is missing', "variable SMTP_HOST"),
    ("shell.fence", "deploy.sh: line 3: APP_HOME: unbound variable", "variable APP_HOME"),
    ("node.install", "npm error code ERESOLVE", "dependencies don't fit"),
    ("node.install", "npm error `npm ci` can only install packages when", "dependencies don't fit"),
    ("pm2.verify", "Error: Cannot find module 'express'", "dependencies don't fit"),
    ("pm2.verify", "The module was compiled against a different Node.js version", "dependencies don't fit"),
    ("pm2.verify", "Error: listen EADDRINUSE: address already in use :::3000", "Something else listens"),
    ("database.migrate", 'ERROR: column "note" of relation "orders" already exists', "failed midway"),
    ("database.migrate", "Rolling back attempted migration ...", "failed midway"),
    ("database.migrate", "canceling statement due to lock timeout", "Another session holds a table"),
    ("database.backup", "pg_dump: error: could not write: No space left on device", "A disk is full"),
    ("smoke.homepage", "homepage: the text 'Gift notes' is missing", "feature isn't visible"),
    ("shell.fence", "x-cache: HIT from edge-3", "feature isn't visible"),
    ("shell.fence", "feature flag gift-notes is off", "feature isn't visible"),
    ("visible.flags", "- the feature flag gift notes is off: the variable GIFT", "feature isn't visible"),
    ("visible.cache", "- /: visitors get another one, 0a1b2c (age: 340)", "feature isn't visible"),
    ("visible.cdn", "- /app.js: 2 of 3 answers are another one, 0a1b2c", "feature isn't visible"),
    ("visible.cdn", "the target production names no CDN, so nothing was looked at", "feature isn't visible"),
    ("announce.post", "The announcement was not posted to #deployments: timeout", "channel can't be reached"),
]


@pytest.mark.parametrize(
    ("task", "log", "title"), CASES, ids=[f"{task}: {log[:30]}" for task, log, _ in CASES]
)
def test_a_symptom_is_recognised_with_its_line(task: str, log: str, title: str) -> None:
    found = shown(task, f"$ some command\nall is well so far\n{log}\nand then it ended\n")
    assert [each.title for each in found if title in each.title], found
    assert any(each.evidence == log for each in found)
    lines = "\n".join(issue_lines(found))
    assert "KNOWN ISSUE" in lines
    assert "Cause:" in lines
    assert "Do:" in lines
    assert "Mended by:" in lines


@pytest.mark.parametrize(
    ("task", "log"),
    [
        ("pm2.verify", "the process died"),
        ("pm2.verify", ""),
        ("pm2.verify", "DATABASE_URL is set"),
        ("git.fetch", "Error: DATABASE_URL is not set"),
        ("announce.post", "npm error code ERESOLVE"),
        ("git.checkout", "Rolling back attempted migration ..."),
        ("database.pending", "2 migrations are pending"),
    ],
)
def test_other_failures_show_no_issue(task: str, log: str) -> None:
    assert shown(task, log) == ()


def test_the_reason_alone_is_enough_where_there_is_no_log() -> None:
    assert shown("", reason="someone@host says it does not hold: the feature was not visible")


def test_only_the_end_of_a_log_is_looked_at() -> None:
    old = "Error: DATABASE_URL is not set\n" + "x" * 100 + "\n"
    assert shown("pm2.verify", old)
    assert shown("pm2.verify", old + "all is well now\n" * (LOG_TAIL_BYTES // 16 + 10)) == ()


def test_a_hostile_log_is_read_in_bounded_time_and_told_harmlessly() -> None:
    log = "\x1b[31mError: \x1b]0;owned\x07DATABASE_URL is not set\x1b[0m\n" + "A_" * 40_000
    [found] = shown("pm2.verify", "A_B" * 100_000 + "\n" + log[:4000])
    assert found.title.endswith("DATABASE_URL")
    assert found.evidence.isprintable()
    assert matches("(a+)+$", "a" * 60_000 + "!") is False


def entry(folder: Path, text: str, name: str = "ours") -> Path:
    (folder / "issues").mkdir(exist_ok=True)
    path = folder / "issues" / f"{name}.md"
    path.write_text(text)
    return path


OURS = """\
---
title: "The licence server refuses {named}"
tasks: [licence.*]
named: "[a-z]+-[0-9]+"
symptoms:
  - {log: "no licence for", exit_code: [3, 4], facts: {seats: "0"}}
step: "Ask for another seat"
---
# Licence
## Cause
All seats are taken.
## What to do
Ask for another one.
"""


def test_a_project_adds_entries_of_its_own(tmp_path: Path) -> None:
    entry(tmp_path, OURS)
    issues, problems = load((tmp_path,))
    assert problems == ()
    log = "no licence for host-12"

    def failure(code: int, seats: object, task: str = "licence.take") -> Failure:
        return Failure(step="a", task=task, exit_code=code, facts={"seats": seats}, log=log)

    [found] = find(issues, failure(3, 0))
    assert found.title == "The licence server refuses host-12"
    assert find(issues, failure(5, 0)) == ()
    said = Failure(
        step="a",
        task="licence.take",
        exit_code=1,
        facts={"seats": 0},
        log=log,
        reason="`licence` ended with exit code 4 (in x).",
    )
    assert find(issues, said)
    assert find(issues, failure(3, 10)) == ()
    assert find(issues, failure(3, 0, "licence_take")) == ()
    assert find(issues, Failure(step="a", task="licence.take", exit_code=3, log=log)) == ()


def test_a_projects_entry_stands_in_for_a_shipped_one(tmp_path: Path) -> None:
    entry(tmp_path, OURS, "disk-full")
    issues, _ = load((tmp_path,))
    [found] = [issue for issue in issues if issue.key == "disk-full"]
    assert found.path == tmp_path / "issues" / "disk-full.md"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# No front matter\n", "no front matter"),
        ("---\ntitle: x\n---\n## Cause\na\n## What to do\nb\n", "symptoms"),
        (OURS.replace("no licence for", "(?=x)"), "a regular expression"),
        (OURS.replace("[a-z]+-[0-9]+", "[a-z"), "named"),
        (OURS.replace("## Cause", "## Reason"), "no section 'cause'"),
        (OURS.replace("All seats are taken.", ""), "no section 'cause'"),
        (OURS.replace("tasks:", "task:"), "task"),
        (OURS.replace('{log: "no licence for", exit_code: [3, 4], facts: {seats: "0"}}', "{}"), "symptoms"),
    ],
)
def test_a_mistake_is_named_and_leaves_the_entry_out(tmp_path: Path, text: str, said: str) -> None:
    path = entry(tmp_path, text)
    issue, problems = read_issue(path)
    assert issue is None
    assert problems
    assert said in "\n".join(map(str, problems))
    issues, found = load((tmp_path,))
    assert len(issues) == len(SHIPPED)
    assert found
