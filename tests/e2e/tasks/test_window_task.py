"""The check of the deployment window, in a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from e2e.tasks.conftest import Begin
from handrail.project.model import Target
from handrail.project.window import Window

pytestmark = pytest.mark.e2e
EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = Window(timezone="UTC", opens="00:00", closes="24:00", country="", days=EVERY_DAY)


def frozen_now() -> Window:
    """A window that is always open, but for a freeze around this moment."""
    now = datetime.now(UTC)
    freeze = {
        "from": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
        "reason": "the yearly audit",
    }
    return Window.model_validate({**ALWAYS.model_dump(), "freezes": [freeze]})


@pytest.mark.parametrize(
    ("target", "verdict", "evidence"),
    [
        (Target(name="staging"), "pass", "open at any time: the target has none"),
        (Target(name="production", production=True, window=Window(enabled=False)), "pass", "at any time"),
        (Target(name="production", production=True, window=ALWAYS), "pass", "open for the next week"),
        (Target(name="staging", window=ALWAYS), "pass", "open for the next week"),
        (Target(name="staging", window=frozen_now()), "fail", "the yearly audit; it opens "),
        (
            Target(name="production", window=Window(timezone="Mars/Olympus")),
            "unknown",
            "this machine has no time zone data for Mars/Olympus",
        ),
        (Target(name="production", window=Window(country="ZZ")), "unknown", "the holidays of ZZ"),
    ],
)
def test_its_verdict_and_evidence(
    begin: Begin, tmp_path: Path, target: Target, verdict: str, evidence: str
) -> None:
    done = begin("window.open", {}, target)
    assert done.verdict == verdict
    assert evidence in done.log
    assert (done.code == 0) is (verdict == "pass")


def test_the_zone_of_the_caller_changes_nothing(begin: Begin) -> None:
    target = Target(name="staging", window=frozen_now())
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "nonsense"):
        assert begin("window.open", {}, target, environment={"TZ": zone}).verdict == "fail"
