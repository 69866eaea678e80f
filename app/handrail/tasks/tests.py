"""The application's full test suite, for exactly the commit that is to be deployed.

The production checkout is never tested in: the commit gets a worktree of its own beside it, which is
removed afterwards, however the tests end.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import unquote, urlsplit

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, Refused
from handrail.policy.gate import Verdict
from handrail.policy.suite import Ran, counts_in, judge
from handrail.tasks import node
from handrail.tasks.checklist import is_asked_for
from handrail.tasks.commands import Command
from handrail.tasks.git import git, look
from handrail.tasks.release_commit import commit_to_deploy
from handrail.tasks.workplace import CommandFailed, Site, Workplace, workplace

LARGEST_OUTPUT_BYTES = 4 * 1024 * 1024
POSTGRESQL_PORT = 5432
# The target's own environment may lead to its database; what npm and a browser need doesn't.
INHERITED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_*", "TZ", "TMPDIR", "TERM", "CI"),
        *("npm_config_*", "NPM_CONFIG_*", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("XDG_*", "PLAYWRIGHT_BROWSERS_PATH"),
    }
)
_DRY_OUTPUT = "# tests 1\n# pass 1\n# fail 0\n"


class Cancelled(BaseException):
    """The attempt is being ended; what was made must go before the process does."""


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Turn a TERM into an exception, so that what stands in `finally` is done before the end."""

    def end(number: int, frame: FrameType | None) -> None:
        # The children get their own TERM; a second one must not end the clearing up.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Cancelled

    if threading.current_thread() is not threading.main_thread():
        # A dry run behind a screen: nothing is made, and no signal comes.
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Cancelled:
        print("Cancelled: the worktree of the tests was removed.", flush=True)
        raise SystemExit(143) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def worktree_folder(site: Site, process: int) -> Path:
    """Where the commit is tested: beside the checkout, told apart by the process that made it."""
    return site.checkout.parent / f"{_prefix(site)}{process}"


def _prefix(site: Site) -> str:
    return f"{site.checkout.name}.handrail-tests-"


def leftovers(site: Site, names: list[str]) -> list[Path]:
    """Of the names beside the checkout, the worktrees whose process has ended: it was killed."""
    found = []
    for name in names:
        number = name.removeprefix(_prefix(site))
        if number == name or not number.isdecimal():
            continue
        with suppress(PermissionError):
            try:
                os.kill(int(number), 0)
            except (ProcessLookupError, OverflowError):
                found.append(site.checkout.parent / name)
    return found


@contextmanager
def worktree(place: Workplace, commit: str) -> Iterator[Site]:
    """A clean checkout of the commit, gone afterwards, with whatever was installed in it."""
    site = place.site
    beside = site.checkout.parent
    for old in leftovers(site, [each.name for each in beside.iterdir()] if beside.is_dir() else []):
        place.say(f"Removing {old}, which tests that were killed have left.")
        _remove(place, old)
    folder = worktree_folder(site, os.getpid())
    command = git(
        site, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", str(folder), commit
    )
    try:
        place.run(command)
        yield Site({**site.raw, "checkout": str(folder)})
    finally:
        _remove(place, folder)


def _remove(place: Workplace, folder: Path) -> None:
    place.performer.run(git(place.site, "worktree", "remove", "--force", "--force", str(folder)))
    if folder.exists():
        # By commands alone: a dry run, which removes nothing, comes by here too.
        place.performer.run(Command(("rm", "-rf", "--", str(folder)), place.site.checkout))
        place.performer.run(git(place.site, "worktree", "prune"))


def clean(command: Command, environment: Mapping[str, str]) -> Command:
    """The command without the target's environment, with what its tests are given."""
    return replace(command, environment={**command.environment, **environment}, inherits=INHERITED)


def refuse_own_database(place: Workplace) -> None:
    """Raise `Refused` where the tests were given the address of the target's own database."""
    database = place.target.database
    if database is None:
        return
    own = database.url.reveal()
    for name, value in place.target.tests.environment.items():
        if is_same_database(own, value):
            raise Refused(
                f"The tests would be run against the target's own database: {name} leads there.",
                still_safe="no test was run.",
                next_step=f"name a database for tests in [targets.{place.site.name}.tests] environment.",
            )


def is_same_database(one: str, other: str) -> bool:
    """Whether two addresses lead to one database, whatever the user, the password and the options."""
    return one == other or ((where := _database(one)) is not None and where == _database(other))


def _database(address: str) -> tuple[str, int, str] | None:
    try:
        parts = urlsplit(address)
        port = parts.port or POSTGRESQL_PORT
    except ValueError:
        return None
    if parts.scheme not in ("postgres", "postgresql"):
        return None
    host = parts.hostname or "localhost"
    return "127.0.0.1" if host in ("localhost", "::1") else host, port, unquote(parts.path)


def scripts_of(folder: Path) -> dict[str, Any] | None:
    """The npm scripts of a release; `None` where its package.json can't be read."""
    try:
        found = json.loads((folder / "package.json").read_text(encoding="utf-8")).get("scripts", {})
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def ran(place: Workplace, command: Command) -> tuple[int, str]:
    """Run a script with its output in the log, and give its code and what it wrote.

    In an attempt, standard output is the log file itself, and is read back from there: a pipe would wait
    for whatever the tests left running.
    """
    log = Path(os.environ.get("HANDRAIL_ATTEMPT", "")) / "log"
    if not _is_output(log):
        outcome = place.attempt(command)
        text = outcome.output + outcome.errors
        place.say(text)
        return outcome.code, text
    begin = log.stat().st_size
    code = place.performer.run(command).code
    with log.open("rb") as file:
        # The summary stands at the end.
        file.seek(max(begin, log.stat().st_size - LARGEST_OUTPUT_BYTES))
        return code, file.read(LARGEST_OUTPUT_BYTES).decode("utf-8", "replace")


def _is_output(log: Path) -> bool:
    try:
        one, other = log.stat(), os.fstat(1)
    except OSError:
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


@task
def passed(context: Context, ref: str) -> None:
    """Check that the full test suite passed for the commit of `ref`: run here, or by the CI's word."""
    place = workplace(context)
    name, settings = place.site.name, place.target.tests
    if not is_asked_for(
        place,
        "tests",
        settings,
        said=settings.by is not None,
        done="tested",
        unsaid=f"the target {name} doesn't say how its tests are known to pass",
        next_step=f'in [targets.{name}.tests] of handrail.toml, set by = "run" (its npm scripts are run'
        ' here) or by = "ci" (the CI\'s verdict at GitHub); or enabled = false, with the reason.',
    ):
        return
    commit = commit_to_deploy(place, ref)
    if settings.by == "ci":
        from handrail.tasks.ci import ask_ci  # noqa: PLC0415  (only here)

        ask_ci(place, commit)
    else:
        run_suite(place, commit)
    place.fact("tested_commit", commit)


@task
def run(context: Context, ref: str) -> None:
    """Check that the application's tests pass for exactly the commit that `ref` would bring."""
    place = workplace(context)
    commit = commit_to_deploy(place, ref)
    run_suite(place, commit)
    place.fact("tested_commit", commit)


def run_suite(place: Workplace, commit: str) -> None:
    """Run every kind of test for this commit, and report the verdict; raises where it isn't a pass."""
    settings = place.target.tests
    refuse_own_database(place)
    results: list[Ran] = []
    with ended_in_order(), worktree(place, commit) as site:
        found = place.read(look(site, "rev-parse", "HEAD", dry=commit))
        if found != commit:
            raise place.unknown(f"the worktree is at {found[:12]}, not at {commit[:12]}")
        _install(place, site, settings.environment)
        known = scripts_of(site.checkout)
        for kind, script in settings.scripts.items():
            if known is not None and script not in known:
                results.append(Ran(kind, script, None, trouble="this release has no such script"))
                continue
            command = clean(node.script_command(site, script), settings.environment)
            code, output = ran(place, replace(command, dry_output=_DRY_OUTPUT))
            results.append(Ran(kind, script, code, counts_in(output)))
    judgement = judge(commit, results, settings.without)
    place.performer.verdict(judgement.verdict.value, judgement.evidence)
    for each in results:
        place.fact(f"tests_{each.kind}", str(each.counts) if each.counts else each.trouble or "no counts")
    if judgement.verdict is not Verdict.PASS:
        raise HandrailError(
            judgement.evidence, next_step="see the tests' output above; a release that fails isn't deployed."
        )


def _install(place: Workplace, site: Site, environment: Mapping[str, str]) -> None:
    locked = any((site.checkout / name).is_file() for name in node.LOCK_FILES) or not site.checkout.exists()
    command = clean(node.install_command(site, locked=locked), environment)
    try:
        place.run(command)
    except CommandFailed as error:
        raise place.unknown(
            f"the dependencies could not be installed for the tests (exit code {error.outcome.code})",
            next_step="read npm's message above, mend its cause, then check again.",
        ) from error
