"""`handrail.toml` is found, read and checked, with every mistake named in one go."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.errors import WrongUsage
from handrail.project.loader import ProjectInvalid, find, load
from handrail.project.model import Project
from handrail.project.toml import key_lines

GOOD = """\
name = "shop"
tasks = "tasks.py"
state = "/var/lib/shop"
runbooks = ["books", "/srv/books"]

[targets.production]
production = true
checkout = "app"
url = "https://shop.example.com"
path = ["bin", "/usr/bin"]
deadlines = {immediate = "4m"}

[targets.production.pm2]
home = ".pm2"

[targets.production.database]
url = {file = "secrets/database"}
programs = "pg/bin"

[targets.production.announce]
webhook = {env = "WEBHOOK"}

[targets.staging]
"""
BAD = """\
naem = "shop"
default_target = "prodution"
digest = "0"

[targets.production]
name = "production"
chekout = "app"
environment = {TOKEN = 12345678, PLAIN = "x"}

  [targets.production.database]
  url = {valeu = "postgres://operator:hunter2@db/shop"}
  migrations = 3
[[targets.production.smoke.flows]]
name = "login"
[[targets.production.smoke.flows.requests]]
path = "/"
[[targets.production.smoke.flows.requests]]
pth = "/login"
[[targets.production.smoke.flows]]
name = "checkout"
requests = [
  {path = "/cart"},
  {path = "/checkout", expect_status = "ok"},
]
[targets.production.monitor]
every = \"\"\"
often\"\"\"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "handrail.toml"
    path.write_text(text)
    return path


def test_relative_paths_become_absolute_and_targets_have_their_names(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    project = load(path)
    assert (project.root, project.name) == (tmp_path, "shop")
    assert (project.tasks, project.state) == (tmp_path / "tasks.py", Path("/var/lib/shop"))
    assert project.runbooks == (tmp_path / "books", Path("/srv/books"))
    assert project.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    target = project.target("production")
    assert (target.name, target.checkout) == ("production", tmp_path / "app")
    assert target.path == (tmp_path / "bin", Path("/usr/bin"))
    assert target.pm2.home == tmp_path / ".pm2"
    assert target.database is not None
    assert target.database.programs == tmp_path / "pg/bin"
    assert target.database.url.file == tmp_path / "secrets/database"
    assert project.target("staging").checkout == tmp_path


def test_every_mistake_is_named_with_its_line_and_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ProjectInvalid) as raised:
        load(written(tmp_path, BAD))
    production = "targets.production"
    assert [(p.line, p.field) for p in raised.value.problems] == [
        (1, "naem"),
        (2, "default_target"),
        (3, "digest"),
        (6, f"{production}.name"),
        (7, f"{production}.chekout"),
        (8, f"{production}.environment.TOKEN"),
        (11, f"{production}.database.url.valeu"),
        (12, f"{production}.database.migrations"),
        (17, f"{production}.smoke.flows[0].requests[1].path"),
        (18, f"{production}.smoke.flows[0].requests[1].pth"),
        (21, f"{production}.smoke.flows[1].requests[1].expect_status"),
        (26, f"{production}.monitor.every"),
    ]
    message = str(raised.value)
    for hint in ("'name'", "'production'", "'checkout'", "'value'", "'path'"):
        assert f"did you mean {hint}?" in message
    assert "hunter2" not in message
    assert "12345678" not in message


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a = 1\nb = \n", 2, "what is not TOML"),
        ("a = 1\na = 2\n", 2, "what is not TOML"),
        ('a = 1\nb = """\n', 2, "what is not TOML"),
        ("x = " + "[" * 40 + "]" * 40, 1, "more than 32 levels"),
        ("x = " + "[" * 30_000 + "]" * 30_000, 1, "a value that can't be read"),
        ("x = " + "9" * 10_000, 1, "a value that can't be read"),
        ("#\n" + "x" * 300 * 1024, 1, "300 KiB"),
        ("a = 1\n\0", 2, "a NUL byte"),
        ("targets = 3", 1, "3"),
        ("[targets]\nproduction = 3", 2, "3"),
    ],
    ids=range(10),
)
def test_what_can_not_be_read_is_refused(tmp_path: Path, text: str, line: int, found: str) -> None:
    with pytest.raises(ProjectInvalid) as raised:
        load(written(tmp_path, text))
    assert [(p.line, p.found.startswith(found)) for p in raised.value.problems] == [(line, True)]


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="no readable file"):
        load(tmp_path / "handrail.toml")


def test_it_is_found_in_the_folders_around(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    around = find(inner)
    assert around is None or not around.is_relative_to(tmp_path)
    path = written(tmp_path, "")
    assert find(inner) == path
    (tmp_path / "a" / "handrail.toml").mkdir()
    assert find(inner) == path


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("[targets.a]", None, "a"),
        ("[targets.a]\n[targets.b]", "b", "b"),
        ('default_target = "b"\n[targets.a]\n[targets.b]', None, "b"),
    ],
)
def test_a_target_is_named_or_the_default_or_the_only_one(
    tmp_path: Path, text: str, wanted: str | None, found: str
) -> None:
    assert load(written(tmp_path, text)).target(wanted).name == found


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        ("[targets.production]\n[targets.staging]", "prodution", "did you mean 'production'"),
        ("[targets.production]\n[targets.staging]", None, "production, staging"),
        ("", None, "has no target"),
        ("", "x", "none"),
    ],
)
def test_an_unclear_target_names_the_known_ones(
    tmp_path: Path, text: str, wanted: str | None, message: str
) -> None:
    with pytest.raises(WrongUsage, match=message):
        load(written(tmp_path, text)).target(wanted)


def test_lines_of_keys() -> None:
    text = 'a.b = 1\n\n["x.y"] # here\nc = [\n  1,\n]\n\n[[t]]\nk = 1\n[t.u]\nv = 1\n[[t]]\nk = 2\n'
    lines = key_lines(text)
    assert lines["a", "b"] == 1
    assert lines["x.y",] == 3
    assert lines["x.y", "c"] == 4
    assert lines["t", 0, "u", "v"] == 11
    assert (lines["t", 0, "k"], lines["t", 1, "k"]) == (9, 13)


PIECES = st.sampled_from(
    ["[targets.a]\n", "[[targets.a.smoke.flows]]\n", "[", "]", "name", " = ", '"x"\n', "3\n", "{", "}", ",",
     "\n", 'checkout = "~nobody-here/x"\n', '"""', "'", "a.b",
     "#", "state = '~'\n", "url = {value = 'x'}\n", "\r",
     "\\"]
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join)))
def test_any_text_is_a_project_or_its_problems(tmp_path: Path, text: str) -> None:
    path = tmp_path / "handrail.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        project = load(path)
    except ProjectInvalid as invalid:
        lines = [problem.line for problem in invalid.problems]
        assert lines
        assert min(lines) >= 1
        return
    assert isinstance(project, Project)
    assert all(path.is_absolute() for path in project.runbooks)
