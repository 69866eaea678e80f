"""`handrail sandbox`: a real application to try and to train on."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode
from handrail.sandbox.lifecycle import Sandbox
from handrail.text import clean_line

ACTIONS = ("up", "status", "reset", "down")


@click.command()
@click.argument("action", type=click.Choice(ACTIONS))
@click.option(
    "--at",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Its folder. Without it: `sandbox` in the state directory.",
)
@click.option("--new-ports", is_flag=True, help="With reset: choose free ports anew.")
@click.option("--staging", is_flag=True, help="With up: a staging environment too; with down: only that.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def sandbox(
    here: Surroundings, action: str, folder: Path | None, new_ports: bool, staging: bool, as_json: bool
) -> int:
    """Bring the sandbox up or down, reset it, or say how it is.

    It is a small web shop in its own folder, with git, npm, pm2, PostgreSQL, a proxy and traffic, all on
    this machine alone. `status` exits with 1 where not all of it runs.
    """
    chosen = Sandbox(folder or here.state.root / "sandbox", here.environment)

    def progress(line: str) -> None:
        print(clean_line(line), file=sys.stderr if as_json else sys.stdout, flush=True)

    match action:
        case "up":
            chosen.up(progress, staging=staging)
        case "reset":
            chosen.reset(progress, new_ports=new_ports)
        case "down":
            chosen.down(progress, staging=staging)
    status = chosen.status()
    if as_json:
        values = {**asdict(status), "running": status.running, "project": chosen.project_file}
        print(json.dumps(values, indent=2, default=str))
    else:
        print("\n".join(status.lines()))
        if action in ("up", "reset"):
            print(f"Try it: handrail --project {chosen.project_file.parent} run production-deploy")
            if (key := chosen.layout.reviewer_key).exists():
                print(f"As the colleague who reviews: handrail approve COMMIT --key {key}")
    return ExitCode.FINISHED if action != "status" or status.running else ExitCode.FAILED_OR_ROLLED_BACK
