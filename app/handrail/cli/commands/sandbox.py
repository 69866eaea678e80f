"""`handrail sandbox`: a real application to try and to train on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from handrail.cli.commands.fault import fault, mend
from handrail.cli.sandboxes import at_option, json_option, the_sandbox
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode
from handrail.sandbox.customers import MOST_PER_SECOND
from handrail.sandbox.lifecycle import Sandbox
from handrail.text import clean_line


@click.group()
def sandbox() -> None:
    """Bring the sandbox up or down, or break it.

    It is a small web shop in its own folder, with git, npm, pm2, PostgreSQL, a proxy and traffic, all on
    this machine alone.
    """


def _progress(as_json: bool) -> Callable[[str], None]:
    def progress(line: str) -> None:
        print(clean_line(line), file=sys.stderr if as_json else sys.stdout, flush=True)

    return progress


def _say_status(chosen: Sandbox, *, as_json: bool, with_next: bool = False) -> bool:
    status = chosen.status()
    if as_json:
        values: dict[str, Any] = {**asdict(status), "running": status.running, "project": chosen.project_file}
        print(json.dumps(values, indent=2, default=str))
        return status.running
    print("\n".join(status.lines()))
    if with_next:
        print(f"Try it: handrail --project {chosen.project_file.parent} run production-deploy")
        if (key := chosen.layout.reviewer_key).exists():
            print(f"As the colleague who reviews: handrail approve COMMIT --key {key}")
    return status.running


@sandbox.command()
@at_option
@click.option("--staging", is_flag=True, help="A staging environment too.")
@click.option(
    "--per-second",
    type=click.FloatRange(0, MOST_PER_SECOND, min_open=True),
    help=f"How many requests customers send a second from now on: 4 at first, {MOST_PER_SECOND:g} at most.",
)
@json_option
@click.pass_obj
def up(
    here: Surroundings, folder: Path | None, staging: bool, per_second: float | None, as_json: bool
) -> int:
    """Make and start what is missing.

    Production keeps what it serves.
    """
    chosen = the_sandbox(here, folder)
    chosen.up(_progress(as_json), staging=staging, per_second=per_second)
    _say_status(chosen, as_json=as_json, with_next=True)
    return ExitCode.FINISHED


@sandbox.command()
@at_option
@json_option
@click.pass_obj
def status(here: Surroundings, folder: Path | None, as_json: bool) -> int:
    """Say how it is, and which faults are on.

    Exit code 1: not all of it runs.
    """
    runs = _say_status(the_sandbox(here, folder), as_json=as_json)
    return ExitCode.FINISHED if runs else ExitCode.FAILED_OR_ROLLED_BACK


@sandbox.command()
@at_option
@click.option("--new-ports", is_flag=True, help="Choose free ports anew.")
@json_option
@click.pass_obj
def reset(here: Surroundings, folder: Path | None, new_ports: bool, as_json: bool) -> int:
    """Bring v1.2.3 back, with nothing broken.

    A clean checkout, a fresh database, no fault, no maintenance page, no posts.
    """
    chosen = the_sandbox(here, folder)
    chosen.reset(_progress(as_json), new_ports=new_ports)
    _say_status(chosen, as_json=as_json, with_next=True)
    return ExitCode.FINISHED


@sandbox.command()
@at_option
@click.option("--staging", is_flag=True, help="The staging environment alone.")
@json_option
@click.pass_obj
def down(here: Surroundings, folder: Path | None, staging: bool, as_json: bool) -> int:
    """End all that it started, and every fault.

    Files are kept.
    """
    chosen = the_sandbox(here, folder)
    chosen.down(_progress(as_json), staging=staging)
    _say_status(chosen, as_json=as_json)
    return ExitCode.FINISHED


sandbox.add_command(fault)
sandbox.add_command(mend)
