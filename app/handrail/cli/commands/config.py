"""`handrail config`: where a person's settings are read from, and what is in force."""

from __future__ import annotations

import json

import click

from handrail.cli.surroundings import Surroundings
from handrail.configuration.actions import Keys, shown_key
from handrail.configuration.default_file import default_file
from handrail.configuration.loader import load, locate
from handrail.errors import ExitCode
from handrail.text import clean_line
from handrail.tui.keys import KEY_ACTIONS


@click.command()
@click.option("--default", "as_default", is_flag=True, help="Print a commented file that changes nothing.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def config(here: Surroundings, as_default: bool, as_json: bool) -> int:
    """Say where your own settings are read from, and what is in force.

    They are about keys, colours, bell and title; no run needs them, and none is stopped by a mistake in them.
    """
    if as_default:
        print(default_file(KEY_ACTIONS), end="")
        return ExitCode.FINISHED
    loaded = load(locate(here.environment), KEY_ACTIONS)
    settings = loaded.settings
    theme = settings.theme_for(here.environment)
    ending = ExitCode.WRONG_USAGE if loaded.problems else ExitCode.FINISHED
    if as_json:
        values = {
            "path": str(loaded.path),
            "found": loaded.found,
            "problems": [str(problem) for problem in loaded.problems],
            "settings": {**settings.model_dump(mode="json"), "theme": theme},
        }
        print(json.dumps(values, indent=2))
        return ending
    state = "" if loaded.found else " (not there: the defaults are in force)"
    print(f"{clean_line(str(loaded.path))}{state}")
    for problem in loaded.problems:
        print(f"  {clean_line(str(problem))}")
    if loaded.problems:
        print("What is wrong has no effect; all else holds, and every run can be opened.")
    no_colour = " (but NO_COLOR is set: no colour is sent)" if here.environment.get("NO_COLOR") else ""
    print(f"\ntheme = {theme}{no_colour}")
    for name in ("bell", "title", "mouse", "hints"):
        print(f"{name} = {str(getattr(settings, name)).lower()}")
    keys = Keys(KEY_ACTIONS, settings.keys)
    print("\nKeys")
    for action in KEY_ACTIONS:
        changed = (
            f"  (instead of {' '.join(map(shown_key, action.keys))})" if action.name in settings.keys else ""
        )
        print(f"  {action.name:<15} {keys.all_shown(action.name):<12} {action.words}{changed}")
    return ending
