"""Where the target lets a check be waived: who and why stand wherever people look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from e2e.gates.table import Place, closed_window
from handrail.errors import ExitCode
from handrail.run.notices import Delivery, notices
from handrail.run.state import RunState, StepStatus
from sandbox_fixture import Shop, open_shop, sandbox_session
from waiting import wait_for

__all__ = ["open_shop", "sandbox_session"]
pytestmark = pytest.mark.e2e
RUNBOOK = """\
# Small deployment
## Deploy
### Prepare
```yaml step
gate: [window.open]
undo: {nothing: "it is a file of a test"}
```
```bash
touch prepared
```
### Tell the team
```yaml step
announce: "Deploying ${x} to the shop"
```
### Ship
```yaml step
gate: [window.open]
undo: {nothing: "it is a file of a test"}
```
```bash
touch shipped
```
### Clean
```yaml step
gate: [window.open]
undo: {nothing: "it is a file of a test"}
```
```bash
touch cleaned
```
""".replace("${x}", "gift notes")
EARLY, LATE, LEFT = "the regulator's ${deadline} is at noon", "it was begun with leave", "nothing to clean"


@pytest.fixture
def desk(tmp_path: Path, open_shop: Shop) -> Iterator[Desk]:
    place = Place(tmp_path, open_shop)
    for folder in (place.project, place.checkout):
        folder.mkdir()
    closed_window(place)
    announce = open_shop.target.announce
    assert announce is not None
    assert announce.webhook is not None
    (place.project / "handrail.toml").write_text(
        f'[targets.production]\nproduction = true\ncheckout = "{place.checkout}"\n'
        f'[targets.production.announce]\nwebhook = "{announce.webhook.reveal()}"\nchannel = "#deployments"\n'
        f"{place.settings}"
    )
    (place.project / "small.md").write_text(RUNBOOK)
    desk = Desk(tmp_path, place.project)
    yield desk
    desk.end()


def told(shop: Shop) -> list[str]:
    """What the channel got."""
    return [str(post["body"]["text"]) for post in shop.posts()]


def test_a_waiver_stands_in_the_journal_the_announcement_and_the_report(desk: Desk, open_shop: Shop) -> None:
    desk.auto("./small.md").says("the deployment window is closed", code=ExitCode.REFUSED)
    refused = desk.type("waive window.open", "waive window.open \u200b", "waive window.open …")
    refused.says("Say which and why", "A waiver needs a reason.")
    assert desk.step("deploy/prepare").waived == {}
    who = desk.run().operator.name
    lines = (f"waive window.open {EARLY}", "run", "wait", "run", "wait", "run", "wait")
    desk.type(*lines).says("window.open says fail")
    posted = wait_for(lambda: told(open_shop), "the announcement")
    early = f"- window.open before Prepare, by {who}: {EARLY}"
    assert posted == [f"Deploying gift notes to the shop\nWaived:\n{early}"]
    desk.type(f"waive window.open {LATE}", "run", "wait", "run", "wait", f"skip {LEFT}", "wait")
    wait_for(lambda: len(told(open_shop)) == 3, "the updates")
    assert told(open_shop)[1:] == [
        f"Waived on production: window.open before Ship, by {who}: {LATE}",
        f"Waived on production: window.open before Clean, by {who}: Clean is left out: {LEFT}",
    ]
    state = wait_for(lambda: state if _all_delivered(state := desk.run()) else None, "their delivery")
    assert [step.status for step in state.forward_steps][-1] is StepStatus.SKIPPED
    said = {
        "Prepare": f"{who} waived the check window.open of Prepare: {EARLY}",
        "Ship": f"{who} waived the check window.open of Ship: {LATE}",
        "Clean": f"{who} waived the check window.open of Clean: Clean is left out: {LEFT}",
    }
    desk.call("show", state.run).says(*said.values())
    values = json.loads(desk.call("show", state.run, "--json").out)
    assert [step["waived"] for step in values["steps"] if step["waived"]] == [
        {"window.open": f"{who}: {EARLY}"},
        {"window.open": f"{who}: {LATE}"},
        {"window.open": f"{who}: Clean is left out: {LEFT}"},
    ]
    timeline = [line["text"] for line in values["timeline"]]
    assert set(said.values()) <= set(timeline)
    assert desk.locks() == []


def _all_delivered(state: RunState) -> bool:
    return all(notice.delivery is Delivery.DELIVERED for notice in notices(state))


def test_what_the_announcement_would_have_said_is_told_where_none_is_made(
    desk: Desk, open_shop: Shop
) -> None:
    desk.auto("./small.md")
    who = desk.run().operator.name
    desk.type(f"waive window.open {EARLY}", "run", "wait", "skip told in person", "wait")
    posted = wait_for(lambda: told(open_shop), "the waiver")
    assert posted == [f"Waived on production:\n- window.open before Prepare, by {who}: {EARLY}"]
