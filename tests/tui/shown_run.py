"""A program that shows a run on the terminal it is started in; `test_terminal.py` starts it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from handrail.clock import SystemClock
from handrail.configuration.model import Configuration, LoadedConfiguration
from handrail.run import commands as c
from handrail.tui.app import HandrailApp
from tui.driver import Engine
from tui.plans import deploy_plan


def main() -> int:
    """Show a run whose smoke test has failed, so that a countdown is open."""
    # Tests that nohup started would hand on that a hang-up is ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    engine = Engine(deploy_plan(), Path(sys.argv[1]))
    engine.clock = SystemClock()  # type: ignore[assignment]
    session = engine.session()
    while (step := engine.state.current) is not None and step.key != "smoke":
        session.send(c.StartStep(step=step.key))
        engine.work()
        while (running := engine.state.running) is not None:
            engine.see(c.ObserveExit(attempt=running.number, exit_code=0, verdict="pass"))
    session.send(c.StartStep(step="smoke"))
    engine.work()
    engine.see(c.ObserveExit(attempt=engine.state.running.number, exit_code=1, verdict="fail"))
    settings = Configuration(theme=os.environ.get("THEME"))
    app = HandrailApp(
        session=engine.session(),
        log_path=engine.log_path,
        configuration=LoadedConfiguration(Path("config.toml"), settings),
        environment=dict(os.environ),
    )
    return int(app.run() or 0)


if __name__ == "__main__":
    sys.exit(main())
