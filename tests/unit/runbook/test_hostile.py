"""Files made to harm: refused, or opened as the data they are, and never anything else."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.problems import Problem
from handrail.runbook.loader import RunbookInvalid, load
from handrail.runbook.yaml import read_tree
from handrail.sources import LARGEST_SOURCE_BYTES


def problems_of(folder: Path, content: bytes) -> tuple[Problem, ...]:
    path = folder / "hostile.md"
    path.write_bytes(content)
    with pytest.raises(RunbookInvalid) as raised:
        load(path)
    return raised.value.problems


def block(yaml: str) -> bytes:
    return f"# T\n## A\n### B\n```yaml step\n{yaml}\n```\n".encode()


LAUGHS = "a: &a [x, x]\n" + "\n".join(
    f"{c}: &{c} [*{p}, *{p}]" for p, c in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (block(LAUGHS), 5, "an anchor"),
        (block("task: a\nwith: *x"), 6, "an alias"),
        (block("task: !!python/object/apply:os.system [ls]"), 5, "an explicit tag"),
        (block("task: !x a"), 5, "an explicit tag"),
        (block("%YAML 1.1\n---\ntask: a"), 5, "a directive"),
        (block("task: a\n---\ntask: b"), 6, "a second document"),
        (block("with: " + "[" * 100_000), 5, "more than 32 levels"),
        (block("with:\n" + "\n".join(" " * n + "a:" for n in range(1, 100))), 37, "more than 32 levels"),
        (block("- " * 5_000), 5, "more than 32 levels"),
        (block("with: [" + "1, " * 50_000 + "]"), 5, "a very long block"),
        (block("with: [" + "1, " * 600 + "]"), 5, "600 entries"),
        (block("task: a\n\twith: 1"), 6, "what is not YAML"),
        (block("task: a\nwith: {a: \x07}"), 6, "a control character"),
        (block("timeout: " + "9" * 5_000), 5, "'999"),
        (block("timeout: 1e999"), 5, "'1e999'"),
        (b"# T\n" + b"x" * 300 * 1024, 1, "300 KiB"),
        (b"# T\nok\r\nz\x00z\n", 3, "a NUL byte"),
        (b"# T\n\n\n\xff\n", 4, "the byte 0xff"),
        (b"\xef\xbb\xbf# T\n\xff\n", 2, "the byte 0xff"),
        (b"## A\n" + b"### B\n" * 40_000, 1, "40,000 steps"),
        (b"---\na: &x 1\nb: *x\n---\n# T\n", 2, "an anchor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int, found: str) -> None:
    problems = problems_of(tmp_path, content)
    assert any(p.line == line and p.found.startswith(found) for p in problems), problems[:5]
    assert len(problems) < 10


@pytest.mark.parametrize(
    "text",
    [
        "# " + "x" * 200_000,
        "# " + "[" * 200_000,
        "# " + "*a_ " * 50_000,
        ">" * 200_000,
        "- " * 100_000,
        "[a]: b\n" * 30_000,
        "<script>alert(1)</script>\n\n# T <b>x</b>\n",
        "# \x1b]0;owned\x07\u202e title\n",
        "# T\n```yaml\na: &a [*a]\n```\n",
    ],
    ids=range(9),
)
def test_it_opens_as_data(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.md"
    path.write_text(text)
    assert load(path).text == text


def test_control_characters_of_a_title_are_kept_for_the_screen_to_clean(tmp_path: Path) -> None:
    path = tmp_path / "odd.md"
    path.write_text("# \x1b[2Jtitle\n")
    assert load(path).title == "\x1b[2Jtitle"


def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(RunbookInvalid, match="not a file"):
        load(tmp_path / "pipe.md")
    with pytest.raises(RunbookInvalid, match="not a file"):
        load(tmp_path)


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.md"
    path.write_text("# T\n" + "x" * (LARGEST_SOURCE_BYTES - 4))
    assert len(load(path).text) == LARGEST_SOURCE_BYTES


PIECES = st.sampled_from(
    [
        "---\n", "title: x\n", "parameters: {a: {prompt: p, default: b, pattern: '['}}\n", "# T\n", "## A\n",
        "### S\n", "```yaml step\n", "```bash\n", "```\n", "task: a.b\n", "check: c\n", "attest: |\n  x\n",
        "gate: [a, {check: b}]\n", "undo: {task: c}\n", "with: {a: '${param.a}'}\n", "watch: {for: 1h}\n",
        "runbook: fuzz\n", "> ", "- ", "  ", "\t", "~~~\n", "===\n", "&a ", "*a ", "!!x ", "? ", ": ",
        "{", "}", "[", "]", "'", '"', "|\n", ">\n", "<!--\n", "$${", "${", "%YAML 1.2\n", "...\n", "\x00",
        "\x1b", "\r", "é",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_any_text_is_a_runbook_or_its_problems(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fuzz.md"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    last = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    try:
        book = load(path, search=[tmp_path])
    except RunbookInvalid as invalid:
        lines = [problem.line for problem in invalid.problems]
        assert lines
        assert 1 <= min(lines) <= max(lines) <= last + 1
        return
    keys = [step.key for step in book.steps]
    assert keys
    assert len(set(keys)) == len(keys)
    assert all(section.steps for section in book.sections)


YAML_PIECES = st.sampled_from(
    ["a", "b: ", ": ", "- ", "\n", "\n  ", "\n    ", "? ", "{", "}", "[", "]", ",", "'", '"', "|", ">", "#",
     "\\", "&a ", "*a", "!x ", "%", "---\n", "...\n", "\t", "1", ".5e", "0x", "~", "<<: ", "@", "`",
     "\x85", "\u2028", "é"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(st.lists(YAML_PIECES, max_size=30).map("".join), st.text(max_size=80)))
def test_any_yaml_is_a_tree_or_its_problems(text: str) -> None:
    tree, problems = read_tree(text, file=Path("x"), first_line=7)
    assert tree is not None or problems
    assert all(problem.line >= 7 for problem in problems)


@pytest.mark.parametrize(
    ("yaml", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("2026-11-23", "2026-11-23"), ("1_000", "1_000"),
        ("012", 12), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), ("1e3", 1000.0), ("~", None), ("", None),
        ("null", None), ("true", True), ("'true'", "true"), ('"1"', "1"), ("1:30", "1:30"),
        ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_the_core_schema(yaml: str, value: object) -> None:
    tree, problems = read_tree(f"a: {yaml}\n", file=Path("x"), first_line=1)
    assert tree is not None
    assert not problems
    assert tree.data == {"a": value}
    assert type(tree.data["a"]) is type(value)
