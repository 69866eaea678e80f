"""Which sandbox a call means: the options that all calls about it share."""

from __future__ import annotations

from pathlib import Path

import click

from handrail.cli.surroundings import Surroundings
from handrail.sandbox.lifecycle import Sandbox

at_option = click.option(
    "--at",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Its folder. Without it: `sandbox` in the state directory.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


def the_sandbox(here: Surroundings, folder: Path | None) -> Sandbox:
    """The sandbox in this folder, or in the state directory."""
    return Sandbox(folder or here.state.root / "sandbox", here.environment)
