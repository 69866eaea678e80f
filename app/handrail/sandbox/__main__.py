"""`python -m handrail.sandbox`: the sandbox without the rest of the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from handrail.errors import ExitCode, HandrailError
from handrail.sandbox.customers import MOST_PER_SECOND
from handrail.sandbox.lifecycle import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Bring the sandbox up or down, reset it, or say how it is; the exit code is `ExitCode`'s."""
    parser = argparse.ArgumentParser(prog="python -m handrail.sandbox", description=__doc__)
    parser.add_argument("action", choices=("up", "status", "reset", "down"))
    parser.add_argument("--at", type=Path, default=Path("sandbox"), help="the sandbox's folder")
    parser.add_argument("--new-ports", action="store_true", help="with reset: choose free ports anew")
    parser.add_argument(
        "--staging", action="store_true", help="with up: a staging environment too; with down: that alone"
    )
    parser.add_argument(
        "--per-second", type=float, help=f"with up: the customers' requests, {MOST_PER_SECOND:g} at most"
    )
    chosen = parser.parse_args(arguments)
    if chosen.per_second is not None and not 0 < chosen.per_second <= MOST_PER_SECOND:
        parser.error(f"--per-second: above 0, and {MOST_PER_SECOND:g} at most")
    sandbox = Sandbox(chosen.at)

    def progress(line: str) -> None:
        print(line, flush=True)

    try:
        match chosen.action:
            case "up":
                sandbox.up(progress, staging=chosen.staging, per_second=chosen.per_second)
            case "reset":
                sandbox.reset(progress, new_ports=chosen.new_ports)
            case "down":
                sandbox.down(progress, staging=chosen.staging)
        for line in sandbox.status().lines():
            print(line)
    except HandrailError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    return ExitCode.FINISHED


if __name__ == "__main__":
    sys.exit(main())
