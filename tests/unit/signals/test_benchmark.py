"""`scripts/bench-judge --short --json`: what it prints, and that quiet traffic stays quiet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_short_benchmark() -> None:
    # The environment that runs the tests is the one that has numpy.
    environment = {**os.environ, "VENV": sys.prefix}
    done = subprocess.run(
        [ROOT / "scripts" / "bench-judge", "--short", "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["watch_seconds"] == 1800
    assert "always early" in found["rule"]
    assert {row["kind"] for row in found["rows"]} == {"errors", "latency"}
    assert found["reach"]["rows"] == len(found["rows"])
    by_name = {(row["kind"], row["rate"], row.get("error_rate")): row for row in found["rows"]}
    for row in found["rows"]:
        false_alarms = row["quiet"]["false_alarms"]
        assert set(false_alarms) == {"ours", "plain", "canary"}
        assert false_alarms["ours"] <= 0.03, row
        for broken in row["broken"]:
            for delays in broken["delays"].values():
                assert 0 <= delays["found"] <= 1
                assert delays["median"] is None or delays["median"] > 0
    # The workflow's words alone cry wolf, and the judge finds what is broken.
    assert by_name["errors", 0.5, 0.002]["quiet"]["false_alarms"]["plain"] > 0.3
    tenfold = by_name["errors", 5.0, 0.01]["broken"][0]
    assert tenfold["size"] == 10
    assert tenfold["delays"]["ours"]["median"] <= 60
