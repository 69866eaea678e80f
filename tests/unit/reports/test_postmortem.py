"""A post-mortem from the journal: what it tells, what is left to people, and that theirs stays theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.reports import postmortem as report
from handrail.reports.postmortem import BEGIN, END, FOR_PEOPLE, TO_WRITE, Changes
from handrail.reports.timeline import timeline
from handrail.run import commands as c
from handrail.run.plan import Emergency
from walk import WATCHER, Walk, attest, gate, smoke, task, undo

EMERGENCY = Emergency(incident="INC-7", on_call="@on-call", skipped={"staging.soaked": "the shop is down"})
CHANGES = Changes(commits=("abc1234 mend the checkout",), files=("M src/pages.js", "A src/x.js"))


def walked() -> Walk:
    walk = Walk(
        task("build", undo=undo("build"), gate=(gate("staging.soaked"), gate("suite.passed"))),
        attest("look"),
        smoke(),
        emergency=EMERGENCY,
        runbook="hotfix",
    )
    walk.start("build")
    walk.end(1)
    walk.do(c.WaiveCheck(step="build", check="suite.passed", reason="the runner is down"))
    walk.start("build")
    walk.clock.advance(timedelta(seconds=42))
    walk.end(facts={"previous_release": "v1.3.1", "ref": "v1.3.2"})
    walk.do(c.SkipStep(step="look", reason="no | dashboards --> tonight"))
    walk.do(c.AddNote(text="customers call <!-- handrail: end of the journal's part --> \x1b[31m"), WATCHER)
    walk.run("smoke")
    return walk


def rendered(walk: Walk, changes: Changes = CHANGES) -> str:
    return report.render(walk.state, timeline("run-1", walk.history), changes)


def test_it_is_filled_from_the_journal() -> None:
    text = rendered(walked())
    for words in (
        "run: run-1",
        'incident: "INC-7"',
        "status: open",
        "# Post-mortem: INC-7",
        "**On call:** @on-call",
        "**Was served:** v1.3.1",
        "**Was deployed:** v1.3.2",
        "rule skipped: `staging.soaked`: the shop is down",
        "`suite.passed`: operator@web-1: the runner is down",
        "*Look* skipped by operator@web-1: no | dashboards",
        "colleague@web-1: customers call",
        "abc1234 mend the checkout",
        "`M src/pages.js`",
        "2 files",
        "| Build | passed | 42s |",
        "### Timeline",
        "The run is finished",
    ):
        assert words in text, words
    assert text.count("staging.soaked") == 2  # the decision, and the opening in the timeline
    assert "\x1b" not in text
    assert text.count(BEGIN) == text.count(END) == 1


def test_it_is_due_24_hours_after_the_end() -> None:
    state = walked().state
    assert report.due(state) == state.closed.datetime() + timedelta(hours=24)
    assert f"due: {report.due(state):%Y-%m-%dT%H:%M:%SZ}" in rendered(walked())


def test_every_section_for_people_is_unwritten_at_first() -> None:
    text = rendered(walked())
    assert report.unwritten(text) == tuple(title for title, _ in FOR_PEOPLE)
    some = text.replace(TO_WRITE, "The checkout answered 500.", 1)
    assert report.unwritten(some) == tuple(title for title, _ in FOR_PEOPLE)[1:]
    assert report.unwritten(text.replace(TO_WRITE, "Written.")) == ()
    assert report.unwritten("") == tuple(title for title, _ in FOR_PEOPLE)
    assert "Impact" in report.unwritten(text.replace(TO_WRITE, "Written.").replace("## Impact", "## Effect"))


def test_a_refresh_leaves_every_byte_of_people() -> None:
    walk = walked()
    text = rendered(walk, Changes(unknown="git is not here"))
    theirs = "## Root cause\nA typo.  \n\n\ttab and trailing space \n"
    text = text.replace(TO_WRITE, "Ours: ünïcode", 2).replace("status: open", "status: done") + theirs
    anew = report.refreshed(text, walk.state, timeline("run-1", walk.history), CHANGES)
    assert anew is not None
    assert anew.partition(BEGIN)[0] == text.partition(BEGIN)[0]
    assert anew.partition(END)[2] == text.partition(END)[2]
    assert "abc1234" in anew
    assert "git is not here" not in anew
    assert report.refreshed(anew, walk.state, timeline("run-1", walk.history), CHANGES) == anew


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda text: text.replace(BEGIN, ""),
        lambda text: text.replace(END, ""),
        lambda text: text + BEGIN,
        lambda text: text + END,
        lambda text: END + text,
        lambda text: "",
        lambda text: f"{END}\n{BEGIN}",
    ],
)
def test_without_its_marks_nothing_is_written(spoiled) -> None:
    walk = walked()
    assert report.refreshed(spoiled(rendered(walk)), walk.state, [], CHANGES) is None


@pytest.mark.parametrize(
    ("incident", "name"),
    [
        ("INC-7", "INC-7"),
        ("../../etc/passwd", "etc-passwd"),
        ("ä b/c", "b-c"),
        ("...", "incident"),
        ("x" * 200, "x" * 80),
    ],
)
def test_the_file_is_called_by_day_and_incident(incident: str, name: str) -> None:
    walk = Walk(task("build"), emergency=Emergency(incident=incident, on_call="x"))
    assert report.file_name(walk.state) == f"2023-11-14-{name}.md"
