"""`handrail stats`: how often, how fast and how well is deployed."""

from __future__ import annotations

import json
import sys
from datetime import datetime

import click

from handrail.cli.completing import complete_targets
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, WrongUsage
from handrail.journal.session import RunFollower
from handrail.reports import statistics_text
from handrail.reports.statistics import deployment_of, statistics_of

MOST_RUNS = 10_000


@click.command()
@click.option("--target", "-t", help="Of this target alone.", shell_complete=complete_targets)
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="Today included.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.option("--csv", "as_csv", is_flag=True, help="One row for each deployment, as CSV.")
@click.pass_obj
def stats(here: Surroundings, target: str | None, days: int, as_json: bool, as_csv: bool) -> int:
    """Show deployments by environment and day, lead time, failures and restores, against the targets."""
    if as_json and as_csv:
        raise WrongUsage("--json and --csv exclude each other.", next_step="give one of them.")
    now = here.clock.now()
    found = []
    with here.journal_to_read() as journal:
        for head in journal.runs(limit=MOST_RUNS) if journal else []:
            # A day more than asked: which day it was is a question of the time zone.
            too_old = now.wall - head.opened.wall > (days + 1) * 86_400
            if too_old or target not in (None, head.target):
                continue
            assert journal is not None  # noqa: S101  (there are heads)
            found.append(deployment_of(RunFollower(journal, head.run).state))
    statistics = statistics_of(
        [each for each in found if each is not None], now=now.datetime(), days=days, local=datetime.astimezone
    )
    if as_json:
        print(json.dumps(statistics_text.as_values(statistics), indent=2))
    elif as_csv:
        sys.stdout.write(statistics_text.as_csv(statistics))
    else:
        print("\n".join(statistics_text.lines(statistics)))
    return ExitCode.FINISHED
