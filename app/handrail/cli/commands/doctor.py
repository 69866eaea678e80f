"""`handrail doctor`: what would hurt at 3 a.m., and its mend."""

from __future__ import annotations

import json

import click
from msgspec.structs import asdict

from handrail.cli.doctor.facts import gather
from handrail.cli.doctor.findings import Finding, Level, findings
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode
from handrail.text import clean


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def doctor(here: Surroundings, as_json: bool) -> int:
    """Say what would hurt at 3 a.m.: each finding with its mend. Exit code 1 says: something is bad."""
    found = findings(gather(here))
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        print("\n".join(line for each in found for line in lines_of(each)))
    bad = any(each.level is Level.BAD for each in found)
    return ExitCode.FAILED_OR_ROLLED_BACK if bad else ExitCode.FINISHED


def lines_of(finding: Finding) -> list[str]:
    """One finding for people."""
    what, *more = clean(finding.what).splitlines()
    lines = [f"{finding.level.value:<5} {finding.check}: {what}", *(f"        {line}" for line in more)]
    return [*lines, f"      mend: {clean(finding.mend)}"] if finding.mend else lines
