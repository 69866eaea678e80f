"""What a project's tasks file may stand in for: what acts, never what judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handrail.cli.opening import RunOpening
from handrail.errors import WrongUsage
from handrail.project.loader import load
from handrail.tasks.collection import NEVER_REPLACED, is_own, known_tasks

HEAD = "from invoke import Collection, task\nfrom handrail.tasks import namespace\n\n"


def tasks_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tasks.py"
    path.write_text(text)
    return path


def test_every_shipped_check_is_handrails_own() -> None:
    shipped = known_tasks(None)
    assert set(shipped) >= NEVER_REPLACED
    judging = {name for name, task in shipped.items() if task.summary.startswith("Check ")}
    judging.discard("git.checkout")
    assert judging <= NEVER_REPLACED


PLAIN = "from invoke import Collection, task\n\n"
BY_ALIAS = "ns = Collection('review')\nns.add_task(other, aliases=['approved'])\nns = Collection(ns)\n"
IN_OURS = "namespace.collections['review'].tasks['approved'] = approved\n"
IN_REVIEW = "ns = Collection(Collection('review', other))\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{PLAIN}@task\ndef approved(context): pass\n\nns = Collection(Collection('review', approved))\n",
        f"{PLAIN}@task(name='approved')\ndef other(context): pass\n\n{IN_REVIEW}",
        f"{PLAIN}@task(aliases=['approved'])\ndef other(context): pass\n\n{IN_REVIEW}",
        f"{PLAIN}@task\ndef other(context): pass\n\n{BY_ALIAS}",
        f"{PLAIN}@task(aliases=['review.approved'])\ndef other(context): pass\n",
        f"{HEAD}@task\ndef approved(context): pass\n\n{IN_OURS}",
    ],
)
def test_a_check_by_whatever_way_of_naming_is_refused(tmp_path: Path, text: str) -> None:
    file = tasks_file(tmp_path, text)
    with pytest.raises(WrongUsage) as refused:
        known_tasks(file)
    assert f"The project's tasks file {file} defines review.approved" in refused.value.summary
    assert "rename it there, such as project.approved" in refused.value.next_step


def test_what_a_check_goes_by_is_refused_under_either_spelling(tmp_path: Path) -> None:
    text = "@task\ndef backed_up(context): pass\n\ndatabase = Collection('database', backed_up)\n"
    text += "@task\ndef backup(context): pass\n\ndatabase.add_task(backup)\nns = Collection(database)\n"
    with pytest.raises(WrongUsage, match=r"defines database\.backed_up, database\.backup,"):
        known_tasks(tasks_file(tmp_path, HEAD + text))
    assert is_own("database.backed-up")


def test_what_acts_may_be_replaced_and_added(tmp_path: Path) -> None:
    text = "@task\ndef enable(context): pass\n\nmaintenance = Collection('maintenance', enable)\n"
    text += "@task\ndef warm(context): pass\n\nns = Collection(maintenance, warm)\n"
    known = known_tasks(tasks_file(tmp_path, HEAD + text))
    assert not known["maintenance.enable"].shipped
    assert known["maintenance.verify"].shipped
    assert "warm" in known


def test_the_plan_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    tasks_file(tmp_path, PLAIN + "@task(aliases=['window.open'])\ndef other(context): pass\n")
    (tmp_path / "handrail.toml").write_text('tasks = "tasks.py"\n[targets.production]\n')
    (tmp_path / "small.md").write_text("# Small\n## Ship\n### Ship\n```bash\ntrue\n```\n")
    with pytest.raises(WrongUsage, match=r"defines window\.open, which handrail judges by"):
        RunOpening(
            load(tmp_path / "handrail.toml"), runbook=str(tmp_path / "small.md"), target=None, given={}
        )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('never_waive = ["review.aproved"]', "never_waive: no task 'review.aproved'; did you mean"),
        ('never_waive = ["reviews.*"]', "never_waive: no task 'reviews.*'"),
        ('require = ["test.run"]', "require.check: no task 'test.run'; did you mean 'tests.run'?"),
        (
            'require = [{check = "tests.run", before = "git.chekout"}]',
            "require.before: no task 'git.chekout'; did you mean 'git.checkout'?",
        ),
        ('never_waive = ["review.approved", "database.*", "database.backed-up"]', ""),
    ],
)
def test_a_misspelt_rule_is_refused_since_it_would_hold_nothing(tmp_path: Path, rule: str, said: str) -> None:
    (tmp_path / "handrail.toml").write_text(f"[targets.production]\n{rule}\n")
    (tmp_path / "small.md").write_text("# Small\n## Ship\n### Ship\n```bash\ntrue\n```\n")

    def opening() -> RunOpening:
        project = load(tmp_path / "handrail.toml")
        return RunOpening(project, runbook=str(tmp_path / "small.md"), target=None, given={})

    if not said:
        opening()
        return
    with pytest.raises(WrongUsage) as refused:
        opening()
    assert said in refused.value.evidence


def test_the_other_spelling_of_a_check_is_the_same_check_in_the_plan(tmp_path: Path) -> None:
    (tmp_path / "handrail.toml").write_text('[targets.production]\nnever_waive = ["database.backed_up"]\n')
    gate = json.dumps(["database.backed-up"])
    (tmp_path / "small.md").write_text(
        f"# Small\n## Ship\n### Ship\n```yaml step\ngate: {gate}\n```\n```bash\ntrue\n```\n"
    )
    project = load(tmp_path / "handrail.toml")
    opening = RunOpening(project, runbook=str(tmp_path / "small.md"), target=None, given={})
    [step] = opening.preview({}).steps
    assert [each.check for each in step.gate] == ["database.backed_up"]
