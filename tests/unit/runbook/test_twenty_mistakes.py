"""A runbook with many mistakes names each with its line, in one go."""

from pathlib import Path

import pytest

from handrail.runbook.loader import RunbookInvalid, load

MISTAKES = Path(__file__).with_name("twenty_mistakes.md")
TASKS = ("git.fetch", "git.checkout", "node.build", "pm2.status", "pm2.start", "monitor.watch")
EXPECTED = [
    (3, "tilte", "did you mean 'title'?"),
    (5, "parameters.ref.default", "text that matches [a-z0-9./]+"),
    (6, "parameters.ticket.pattern", "a regular expression (unclosed character class)"),
    (7, "parameters.count.default", "put it in quotation marks"),
    (8, "parameters.mood.prompt", "which can't be left out"),
    (12, "", "a step block in the introduction"),
    (19, "taks", "did you mean 'task'?"),
    (20, "timeout", "45s, 10m or 1h 30m"),
    (24, "task", "did you mean 'git.checkout'?"),
    (26, "with.ref", "did you mean 'ref'?"),
    (27, "with.url", "did you mean 'target'?"),
    (28, "with.note", "never closed"),
    (29, "undo", "exactly one of task, runbook or nothing"),
    (34, "undo", "a check changes nothing"),
    (35, "idempotent", "true or false"),
    (40, "attest", "a second action beside task"),
    (45, "task", "the key 'task' again"),
    (47, "", "a bash fence beside the step block's task"),
    (52, "watch.for", "45s, 10m or 1h 30m"),
    (53, "on_failure", "did you mean 'immediate'?"),
    (57, "runbook", "did you mean 'rollback-code'?"),
    (61, "", "an anchor"),
]


@pytest.fixture
def invalid(tmp_path: Path) -> RunbookInvalid:
    (tmp_path / "rollback-code.md").write_text("# Roll back\nCheck out the previous tag.\n")
    with pytest.raises(RunbookInvalid) as raised:
        load(MISTAKES, search=[tmp_path], known_tasks=TASKS)
    return raised.value


@pytest.mark.parametrize(("line", "field", "fragment"), EXPECTED)
def test_each_mistake_is_named_with_its_line(
    invalid: RunbookInvalid, line: int, field: str, fragment: str
) -> None:
    on_line = [p for p in invalid.problems if (p.line, p.field) == (line, field)]
    assert any(fragment in str(problem) for problem in on_line), "\n".join(map(str, invalid.problems))


def test_nothing_else_is_reported_and_the_order_is_the_files(invalid: RunbookInvalid) -> None:
    assert [(p.line, p.field) for p in invalid.problems] == [(line, field) for line, field, _ in EXPECTED]


def test_a_problem_prints_as_file_line_field_found_expected(invalid: RunbookInvalid) -> None:
    assert str(invalid.problems[7]) == (
        f"{MISTAKES}:20: timeout: found 5; expected a duration with its unit, such as 45s, 10m or 1h 30m"
    )
    assert str(invalid.problems[7]) in str(invalid)
    assert invalid.exit_code == 2
