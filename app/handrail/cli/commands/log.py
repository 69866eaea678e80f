"""`handrail log`: what an attempt wrote."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import click

from handrail.cli.completing import complete_runs
from handrail.cli.following import POLL_SECONDS
from handrail.cli.joining import pick_run
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, WrongUsage
from handrail.journal.session import RunFollower
from handrail.project.secret import secrets_of
from handrail.run.state import AttemptState, RunState
from handrail.text import clean, mask


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.argument("which", required=False, metavar="[ATTEMPT|STEP]")
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt has ended.")
@click.option("--raw", is_flag=True, help="The very bytes that were written; only into a pipe or a file.")
@click.pass_obj
def log(here: Surroundings, run: str | None, which: str | None, follow: bool, raw: bool) -> int:
    """Print the log of an attempt: the one that runs, or the last one, of RUN or of one step of it."""
    if raw and sys.stdout.isatty():
        raise WrongUsage(
            "A raw log may hold sequences that take over this terminal.",
            still_safe="nothing was printed.",
            next_step="send it into a pipe or a file, or leave --raw out.",
        )
    with here.journal_to_read() as journal:
        chosen = pick_run(journal, run)
        if journal is None:
            return ExitCode.WRONG_USAGE
        follower = RunFollower(journal, chosen)
        attempt = choose_attempt(follower.state, which)
        path = here.state.attempt(chosen, attempt.number).log
        if raw and not follow:
            _copy_raw(path)
            return ExitCode.FINISHED
        secrets = secrets_of(follower.state.plan.target)
        offset = 0
        while True:
            over = not follower.state.attempts[attempt.number].is_running
            offset = _print_from(path, offset, secrets, raw=raw, whole=over or not follow)
            if over or not follow:
                return ExitCode.FINISHED
            time.sleep(POLL_SECONDS)
            follower.poll()


def choose_attempt(state: RunState, which: str | None) -> AttemptState:
    """The attempt that is meant: by number, by step (its key or the end of it), else the newest.

    Raises `WrongUsage` where there is none such.
    """
    attempts = state.attempts
    if which is None:
        newest = state.running or next(reversed(attempts.values()), None)
        if newest is None:
            raise WrongUsage(
                f"The run {state.run} has made no attempt yet.", still_safe="nothing was changed."
            )
        return newest
    if which.isdecimal():
        if int(which) in attempts:
            return attempts[int(which)]
        raise WrongUsage(
            f"The run {state.run} has no attempt {which}.", next_step=f"name one from 1 to {len(attempts)}."
        )
    steps = [key for key in state.steps if key == which] or [
        key for key in state.steps if key.endswith(which)
    ]
    found = [a for a in attempts.values() if a.step in steps]
    if len(steps) == 1 and found:
        return found[-1]
    known = ", ".join(dict.fromkeys(a.step for a in attempts.values() if a.step))
    raise WrongUsage(
        f"{which!r} names {'several steps' if len(steps) > 1 else 'no step with an attempt'}.",
        evidence=f"steps with attempts: {known or 'none'}",
        next_step="name an attempt by its number, or a step by its key.",
    )


def _copy_raw(path: Path) -> None:
    try:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    except FileNotFoundError:
        return


def _print_from(path: Path, offset: int, secrets: tuple[str, ...], *, raw: bool, whole: bool) -> int:
    """Print the complete lines from `offset` on; with `whole`, the unfinished last one, too."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n") and not whole:
                    break
                offset += len(line)
                if raw:
                    sys.stdout.buffer.write(line)
                else:
                    text = clean(line.decode("utf-8", errors="replace").rstrip("\r\n"))
                    sys.stdout.write(mask(text, secrets) + "\n")
    except FileNotFoundError:
        return offset
    sys.stdout.flush()
    return offset
