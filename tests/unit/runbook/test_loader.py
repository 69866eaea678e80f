"""Documents become runbooks: headings, fences, attestations, includes, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.errors import WrongUsage
from handrail.runbook.loader import DEEPEST_INCLUDE, RunbookInvalid, load, shipped_runbooks
from handrail.runbook.model import Runbook, StepKind

WORKFLOW = Path(__file__).parents[3].parent / "shared" / "deployment-workflow.md"


def opened(folder: Path, text: str, name: str = "book.md", **others: str) -> Runbook:
    for other, content in others.items():
        (folder / f"{other}.md").write_text(content)
    path = folder / name
    path.write_bytes(text.encode())
    return load(path, search=[folder])


def refused(folder: Path, text: str, **others: str) -> list[str]:
    with pytest.raises(RunbookInvalid) as raised:
        opened(folder, text, **others)
    return [str(problem).replace(f"{folder}/", "") for problem in raised.value.problems]


def step(block: str, heading: str = "Step") -> str:
    return f"## Section\n### {heading}\n```yaml step\n{block}\n```\n"


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("# Only a title\n", [("only-a-title/only-a-title", "attest")]),
        ("# Title\ntext\n", [("title/title", "attest")]),
        ("just text\n", [("book/book", "attest")]),
        ("# Title\n```bash\nls\n```\n", [("title/title", "fence")]),
        ("# One\ntext\n# Two\n```sh\nls\n```\n", [("one/one", "attest"), ("two/two", "fence")]),
        ("# T\nintro\n## A\ntext\n", [("a/a", "attest")]),
        ("# T\n## Empty\n## A\ntext\n", [("a/a", "attest")]),
        ("# T\n### Early\n## A\n### Late\n", [("t/early", "attest"), ("a/late", "attest")]),
        ("## A\ntext\n# Late title\ntext\n", [("a/a", "attest"), ("late-title/late-title", "attest")]),
        ("## A\n### S\n### S\n### S 2\n### S\n", [(f"a/s{n}", "attest") for n in ("", "-2", "-2-2", "-3")]),
        ("A\n---\nB\n===\ntext\n", [("b/b", "attest")]),
        ("## A\n1. First:\n\n   ```shell\n   ls\n   ```\n", [("a/a", "fence")]),
        ("## A\n```\nls\n```\n~~~python\nx\n~~~\n", [("a/a", "attest")]),
        ("## A\n> ### quoted\n\n    ### indented\n", [("a/a", "attest")]),
        ("## A\n<!--\n### hidden\n-->\n", [("a/a", "attest")]),
        ("## Größe & Maß!\n### 本番\n", [("größe-maß/本番", "attest")]),
        ("## !?\n### \ntext\n", [("untitled/untitled", "attest")]),
    ],
)
def test_any_document_opens(tmp_path: Path, text: str, steps: list[tuple[str, str]]) -> None:
    assert [(s.key, s.kind.value) for s in opened(tmp_path, text).steps] == steps


def test_several_fences_are_a_step_each_with_the_prose_at_the_right_one(tmp_path: Path) -> None:
    text = "## Go\n### Enable `it`\nfirst\n```bash\na\n```\nbetween\n```sh\nb\n```\nafter\n"
    one, two = opened(tmp_path, text).steps
    assert (one.title, two.title) == ("Enable it (1 of 2)", "Enable it (2 of 2)")
    assert (one.key, two.key) == ("go/enable-it-1-of-2", "go/enable-it-2-of-2")
    assert (one.script, two.script) == ("a\n", "b\n")
    assert one.prose == "first\n```bash\na\n```"
    assert two.prose == "between\n```sh\nb\n```\nafter"


def test_a_step_block_is_not_prose_and_everything_else_is(tmp_path: Path) -> None:
    text = (
        "# T\n\nintro\n\n* a\n* b\n\n## Go\nabout\n### Do\nbefore\n\n```yaml step\nattest: Done.\n```\n"
        "#### Note\n- list\n```json\n{}\n```\n"
    )
    book = opened(tmp_path, text)
    assert (book.title, book.introduction, book.sections[0].prose) == ("T", "intro\n\n* a\n* b", "about")
    (only,) = book.steps
    assert only.prose == "before\n\n#### Note\n- list\n```json\n{}\n```"
    assert (only.line, only.block_line, only.block.attest) == (10, 13, "Done.")


def test_a_block_without_an_action_belongs_to_the_fence(tmp_path: Path) -> None:
    text = "## A\n### B\n```yaml step\ntimeout: 10m\ngate: [db.ok]\n```\n```bash\nmake\n```\n"
    (only,) = opened(tmp_path, text).steps
    assert (only.kind, only.script, only.block.gate[0].check) == (StepKind.FENCE, "make\n", "db.ok")


def test_the_teams_own_document_opens_unchanged() -> None:
    if not WORKFLOW.is_file():
        pytest.skip("the team's document is not beside this repository")
    book = load(WORKFLOW)
    assert book.title == "Deployment Workflow Best Practices"
    assert [section.title for section in book.sections] == [
        "Pre-Deployment Checklist",
        "Staging Environment Testing",
        "Production Deployment Steps",
        "Rollback Procedures",
        "Emergency Deployments",
        "Deployment Frequency",
        "Common Issues",
    ]
    steps = {s.title: s for s in book.steps}
    assert [s.title for s in book.steps if s.kind is StepKind.FENCE] == [
        "Step 2: Enable Maintenance Mode (if needed)",
        "Step 3: Deploy Code",
        "Code Rollback",
    ]
    assert {s.kind for s in book.steps} == {StepKind.FENCE, StepKind.ATTEST}
    announce = steps["Step 1: Announce Deployment"]
    assert announce.kind is StepKind.ATTEST
    assert "Deploying [feature-name] to production" in announce.prose
    assert "1. **Run full test suite** - All unit tests" in steps["Pre-Deployment Checklist"].prose
    assert "- CPU/memory usage (should remain stable)" in steps["Step 5: Monitor"].prose
    assert "4. **Rollback testing** - Verify" in steps["Test Scenarios"].prose
    assert (steps["Step 3: Deploy Code"].script or "").splitlines()[1] == "git fetch origin"
    assert book.text == WORKFLOW.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "book.md:1: found a document without a step"),
        ("---\ntitle: x\n", "book.md:1: found front matter that is never closed"),
        ("---\ntitle: x\n---\n", "book.md:4: found a document without a step"),
        ("---\n- x\n---\n# T\n", "book.md:2: found a list of 1; expected a mapping"),
        ("## A\n```bash\nrm\n## B\n", "book.md:2: found a fence that is never closed"),
        ("## A\n```yaml steps\na: 1\n```\n", "book.md:2: found a fence of 'yaml steps'"),
        (step("- task: a"), "book.md:4: found a list of 1; expected a mapping"),
        (step("gate: [x.y]"), "book.md:3: found a step block without an action"),
        (step("attest: x\ngate: [1]"), "book.md:5: gate[0]: found 1; expected a mapping"),
        (step("attest: x\ngate:\n  - a.b\n  - chek: c"), "book.md:7: gate[1].chek: found an unknown key"),
        (step("attest: x\n? [a]\n: b"), "book.md:5: found a sequence as a key"),
        (step("?"), "book.md:4: found an empty key"),
        (step("task: a\nwith: {x: .nan}"), "book.md:5: with.x: found '.nan'"),
        (step("task: a\nwith:\n  x: |\n    one\n    ${oops}"), "book.md:8: with.x: found '${oops}'"),
        (step("task: a\ntimeout: 99999999999999h"), "book.md:5: timeout: found '99999999999999h'"),
        (step("task: 'a b'"), "book.md:4: task: found 'a b'; expected text that matches"),
        (step("check: a\nby: someone-else"), "book.md:5: by: found 'someone-else' without attest"),
        (step("attest: x\ngate: [a.b]"), "book.md:5: gate: found a gate before an attestation"),
        (step("runbook: other\ntimeout: 1m"), "book.md:5: timeout: found timeout beside runbook"),
        (
            step("task: a\nundo:\n  runbook: other\n  estimate: 1m"),
            "book.md:7: undo.estimate: found estimate beside an undo's runbook",
        ),
        (
            step("task: a\nundo:\n  nothing: x\n  otherwise: {runbook: other}"),
            "book.md:7: undo.otherwise: found another way without an undo's task",
        ),
        (
            step("task: a\nundo:\n  task: b\n  otherwise: {runbook: no-such-book}"),
            "book.md:7: undo.otherwise.runbook: found the unknown runbook 'no-such-book'",
        ),
        (
            step("task: a\nundo:\n  task: b\n  otherwise: {with: {x: 1}}"),
            "book.md:7: undo.otherwise.runbook: found no such key",
        ),
        (
            step("task: a\nundo:\n  task: b\n  otherwise: {runbook: other, timeout: 1m}"),
            "book.md:7: undo.otherwise.timeout: found an unknown key",
        ),
        (
            step('task: a\nundo:\n  task: b\n  otherwise: {runbook: other, with: {x: "${param.no}"}}'),
            "book.md:7: undo.otherwise.with.x: found the unknown parameter 'no'",
        ),
        (
            step("attest: x") + "```yaml step\nattest: y\n```\n",
            "book.md:6: found a second step block; expected one in a step (the first: line 3)",
        ),
        (
            "## A\n```yaml step\nattest: x\n```\n### B\n",
            "book.md:2: found a step block in a section that has",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    problems = refused(tmp_path, text)
    assert any(problem.startswith(expected) for problem in problems), problems


def test_an_included_runbook_is_opened_and_its_parameters_are_checked(tmp_path: Path) -> None:
    other = "---\nparameters:\n  tag: {prompt: Tag, pattern: 'v.*'}\n---\n# Other\ntext\n"
    (only,) = opened(tmp_path, step("runbook: other\nwith: {tag: v1}"), other=other).steps
    assert only.included is not None
    assert only.included.title == "Other"
    back = step("task: a.b\nundo: {runbook: other.md, with: {tag: '${facts.old}'}}")
    (undone,) = opened(tmp_path, back, other=other).steps
    assert undone.undo_runbook == only.included
    failing = step("task: a.b\nundo: {task: a.c, otherwise: {runbook: other, with: {tag: '${facts.old}'}}}")
    (otherwise,) = opened(tmp_path, failing, other=other).steps
    assert otherwise.other_way == only.included
    missing = step("task: a.b\nundo: {task: a.c, otherwise: {runbook: other, with: {tga: v1}}}")
    [problem] = refused(tmp_path, missing, other=other)
    assert problem.startswith("book.md:5: undo.otherwise.with.tga: found a parameter that other.md doesn't")
    wrong = refused(tmp_path, step("runbook: other\nwith: {tga: v1, tag: x}"), other=other)
    unknown = "book.md:5: with.tga: found a parameter that other.md doesn't have; "
    unknown += "expected one of tag; did you mean 'tag'?"
    assert wrong == [
        unknown,
        "book.md:5: with.tag: found 'x'; expected text that matches v.* as a whole",
    ]


def test_the_problems_of_included_runbooks_come_along(tmp_path: Path) -> None:
    problems = refused(tmp_path, step("runbook: other\nwiht: {}"), other=step("tsk: a"))
    assert [p.split(":")[:2] for p in problems] == [["book.md", "5"], ["other.md", "4"]]


def test_runbooks_that_include_each_other_are_refused(tmp_path: Path) -> None:
    problems = refused(tmp_path, step("runbook: other"), other=step("attest: x\nundo: {runbook: book}"))
    assert any(
        "other.md:5: undo.runbook: found a circle of runbooks (book.md → other.md → book.md)" in p
        for p in problems
    )
    back = step("task: x\nundo: {task: y, otherwise: {runbook: book}}")
    [problem] = refused(tmp_path, back)
    assert "book.md:5: undo.otherwise.runbook: found a circle of runbooks (book.md → book.md)" in problem


@pytest.mark.parametrize(("count", "fits"), [(DEEPEST_INCLUDE - 1, True), (DEEPEST_INCLUDE, False)])
def test_includes_have_a_depth(tmp_path: Path, count: int, fits: bool) -> None:
    others = {f"b{n}": step(f"runbook: b{n + 1}") for n in range(1, count)} | {f"b{count}": "# Last\n"}
    if fits:
        assert opened(tmp_path, step("runbook: b1"), **others).steps
    else:
        assert f"more than {DEEPEST_INCLUDE} deep" in refused(tmp_path, step("runbook: b1"), **others)[0]


def test_depth_counts_through_a_runbook_that_was_opened_before(tmp_path: Path) -> None:
    others = {f"b{n}": step(f"runbook: b{n + 1}") for n in range(1, 8)} | {"b8": "# Last\n"}
    text = step("runbook: b3") + step("runbook: b1")
    assert any(f"more than {DEEPEST_INCLUDE} deep" in p for p in refused(tmp_path, text, **others))


def test_includes_that_multiply_are_refused(tmp_path: Path) -> None:
    twelve = {f"b{n}": "".join(step(f"runbook: b{n + 1}") for _ in range(12)) for n in range(1, 5)}
    assert "at most 1,000" in refused(tmp_path, step("runbook: b1"), **twelve, b5="# Last\n")[0]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "", "."])
def test_an_included_name_never_leaves_its_folders(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    (tmp_path / "secret.md").write_text("# S\n")
    assert "found the unknown runbook" in refused(folder, step(f"runbook: '{name}'"))[0]


def test_a_runbook_is_found_by_name_the_projects_first(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    for folder in (first, second):
        folder.mkdir()
        (folder / "deploy.md").write_text(f"# {folder.name}\n")
    assert load("deploy", search=[first, second]).title == "one"
    assert load("deploy.md", search=[second, first]).title == "two"
    with pytest.raises(WrongUsage, match="did you mean 'deploy'"):
        load("deplyo", search=[first])
    with pytest.raises(RunbookInvalid, match="no readable file"):
        load(tmp_path / "missing.md")


def test_a_bare_word_is_a_name_and_never_a_script_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (books / "deploy.md").write_text("# Runbook\n")
    (tmp_path / "deploy").write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    assert load("deploy", search=[books]).title == "Runbook"
    assert load("books/deploy.md").title == "Runbook"


def test_the_shipped_runbooks_have_a_folder() -> None:
    assert shipped_runbooks().parts[-1] == "runbooks"


def test_task_names_match_as_invoke_matches_them(tmp_path: Path) -> None:
    path = tmp_path / "book.md"
    path.write_text(step("task: git.fast_forward\ngate: [db.ok, {check: db.no}]\nprobe: git.at"))
    with pytest.raises(RunbookInvalid) as raised:
        load(path, known_tasks=["git.fast-forward", "db.ok"])
    assert [(p.field, p.found) for p in raised.value.problems] == [
        ("gate[1].check", "the unknown task 'db.no'"),
        ("probe", "the unknown task 'git.at'"),
    ]


def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    text = "# T\n## A\n### B\n```bash\none\ntwo\n```\n"
    plain = opened(tmp_path, text)
    for variant in ("\ufeff" + text, text.replace("\n", "\r\n"), text.replace("\n", "\r")):
        changed = opened(tmp_path, variant)
        assert (changed.text, changed.sections) == (plain.text, plain.sections)
        assert changed.digest != plain.digest


def test_opening_a_plain_document_loads_neither_yaml_nor_the_screen(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\ntext\n")
    code = (
        "import sys, pathlib, handrail.runbook.loader as loader\n"
        "assert 'markdown_it' not in sys.modules\n"
        "loader.load(pathlib.Path('a.md'))\n"
        "print([m for m in sys.modules if m.startswith(('ruamel', 'textual'))])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
