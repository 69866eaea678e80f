"""A program that shows a running step on the terminal it is started in; its log is a file of the test."""

from __future__ import annotations

import sys
from pathlib import Path

from handrail.clock import SystemClock
from handrail.run import commands as c
from handrail.tui.app import HandrailApp
from tui.driver import Engine
from tui.plans import deploy_plan


def main() -> int:
    """Show a run whose first step is under way; its log is `0001.log` in the folder."""
    engine = Engine(deploy_plan(), Path(sys.argv[1]))
    engine.clock = SystemClock()  # type: ignore[assignment]
    session = engine.session()
    session.send(c.StartStep(step="announce"))
    engine.work()
    app = HandrailApp(session=engine.session(), log_path=engine.log_path, secrets=("hunter22",))
    return int(app.run() or 0)


if __name__ == "__main__":
    sys.exit(main())
