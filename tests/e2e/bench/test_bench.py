"""`scripts/bench --short` measures everything once; no time is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[3]


def test_each_part_is_measured_or_says_why_not() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "--short", "--json"],
        env={**os.environ, "VENV": sys.prefix},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["machine"]["cores"] == os.cpu_count()
    measured = {figure["part"] for figure in results["figures"] if figure["value"] is not None}
    assert {"a", "b", "c", "d", "e"} <= measured
    assert "f" in measured or any(why.startswith("(f)") for why in results["skipped"])
    assert all(figure["value"] >= 0 for figure in results["figures"])
