"""A person's settings: what each mistake is told by, that it keeps nothing else from its effect, and keys."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from handrail.configuration.actions import FIXED_KEYS, Keys, clashes, key_named, shown_key
from handrail.configuration.default_file import default_file
from handrail.configuration.loader import load, locate
from handrail.configuration.model import PLAIN_16, Configuration
from handrail.tui.keys import KEY_ACTIONS

HOSTILE = "\x1b]52;c;ZXZpbA==\x07\u202e"


def loaded(folder: Path, text: str | bytes):
    file = folder / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file, KEY_ACTIONS)


MISTAKES = [
    ('theme = "hgh-contrast"', 1, "theme", "did you mean 'high-contrast'?"),
    ("theme = 3", 1, "theme", "expected text"),
    ("\nbel = true", 2, "bel", "did you mean 'bell'?"),
    ('bell = "yes"', 1, "bell", "expected"),
    ("mouse = 1", 1, "mouse", "expected"),
    ("keys = 3", 1, "keys", "expected a mapping"),
    ('[keys]\nroll_bak = "B"', 2, "keys.roll_bak", "did you mean 'roll_back'?"),
    ("[keys]\nroll_back = 3", 2, "keys.roll_back", "a key"),
    ("[keys]\nroll_back = []", 2, "keys.roll_back", "a key"),
    ('[keys]\nroll_back = ["B", 3]', 2, "keys.roll_back", "a key"),
    ('[keys]\nroll_back = "hyperspace"', 2, "keys.roll_back", "the unknown key 'hyperspace'"),
    ('[keys]\nroll_back = ""', 2, "keys.roll_back", "the unknown key ''"),
    ('[keys]\nroll_back = "ctrl+c"', 2, "keys.roll_back", "one meaning on every screen"),
    ('[keys]\nroll_back = "R"', 2, "keys.roll_back", "R, which is retry on the same screen"),
    ('[keys]\nroll_back = "j"', 2, "keys.roll_back", "j, which is down on the same screen"),
    ('[keys]\nskip = "B"\nroll_back = "B"', 2, "keys.skip", "B, which is roll_back"),
    ("theme = ", 1, "", "what is not TOML"),
    ("a = [" * 5000, 1, "", "what is not TOML"),
    (b"theme = \x00", 1, "", "a NUL byte"),
    (b"theme = '\xff'", 1, "", "UTF-8"),
    ("#" * 300_000, 1, "", "at most 256 KiB"),
]


@pytest.mark.parametrize(("text", "line", "field", "words"), MISTAKES, ids=[str(m[0])[:30] for m in MISTAKES])
def test_each_mistake_is_named_with_its_line_and_has_no_effect(
    tmp_path: Path, text, line, field, words
) -> None:
    found = loaded(tmp_path, text)
    assert found.found
    first = found.problems[0]
    assert (first.line, first.field) == (line, field)
    assert words in str(first)
    assert found.settings == Configuration()


def test_what_is_right_holds_beside_what_is_wrong(tmp_path: Path) -> None:
    text = (
        'theme = "plain-16"\nbell = "loud"\ntitle = false\n[keys]\nroll_back = "B"\nbogus = "x"\nskip = ["?"]'
    )
    found = loaded(tmp_path, text)
    assert found.settings == Configuration(theme=PLAIN_16, title=False, keys={"roll_back": ("B",)})
    assert [problem.field for problem in found.problems] == ["bell", "keys.bogus", "keys.skip"]


def test_two_actions_may_exchange_their_keys(tmp_path: Path) -> None:
    found = loaded(tmp_path, '[keys]\nskip = "d"\nmark_done = "s"')
    assert found.problems == ()
    assert Keys(KEY_ACTIONS, found.settings.keys).shown("skip") == "d"


def test_no_file_is_no_problem_and_nothing_is_made(tmp_path: Path) -> None:
    found = load(tmp_path / "none" / "config.toml", KEY_ACTIONS)
    assert (found.settings, found.problems, found.found) == (Configuration(), (), False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "loop", "unreadable"])
def test_what_is_no_readable_file_is_said(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "config.toml"
    if kind == "folder":
        file.mkdir()
    else:
        file.symlink_to(file if kind == "loop" else tmp_path / "gone")
    assert load(file, KEY_ACTIONS).problems


def test_hostile_text_is_quoted_and_never_raw(tmp_path: Path) -> None:
    found = loaded(tmp_path, f'theme = "{HOSTILE.encode("unicode_escape").decode()}"'.replace("\\x", "\\u00"))
    said = str(found.problems[0])
    assert "\x1b" not in said
    assert "\u202e" not in said


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"HOME": "/home/a"}, "/home/a/.config/handrail/config.toml"),
        ({"HOME": "/home/a", "XDG_CONFIG_HOME": "/etc/x"}, "/etc/x/handrail/config.toml"),
        ({"HOME": "/home/a", "XDG_CONFIG_HOME": "relative"}, "/home/a/.config/handrail/config.toml"),
    ],
)
def test_it_lies_where_xdg_says(environment: dict[str, str], path: str) -> None:
    assert locate(environment) == Path(path)


def test_the_default_file_names_everything_and_changes_nothing(tmp_path: Path) -> None:
    text = default_file(KEY_ACTIONS)
    assert loaded(tmp_path, text).settings == Configuration()
    live = "\n".join(line[2:] for line in text.splitlines() if line.startswith("# ") and " = " in line)
    head, _, keys = live.partition("down = ")
    found = loaded(tmp_path, f"{head}[keys]\ndown = {keys}")
    assert found.problems == (), found.problems
    assert set(tomllib.loads(f"{head}[keys]\ndown = {keys}")["keys"]) == {each.name for each in KEY_ACTIONS}


def test_the_keys_that_are_there_by_themselves_clash_nowhere() -> None:
    assert clashes(KEY_ACTIONS, {action.name: action.keys for action in KEY_ACTIONS}) == []
    assert len({action.name for action in KEY_ACTIONS}) == len(KEY_ACTIONS)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("R", "R"),
        ("?", "question_mark"),
        ("question_mark", "question_mark"),
        ("/", "slash"),
        ("ctrl+b", "ctrl+b"),
        ("Ctrl+b", "ctrl+b"),
        ("ctrl+shift+f5", "ctrl+shift+f5"),
        ("PageDown", "pagedown"),
        ("+", "plus"),
        ("ctrl++", None),
        ("ctrl+ctrl+b", None),
        ("bogus+b", None),
        ("ab", None),
        ("\x1b", None),
        ("\u202e", None),
    ],
)
def test_keys_by_how_people_write_them(written: str, named: str | None) -> None:
    assert key_named(written) == named
    if named is not None:
        assert "_" not in shown_key(named)


@pytest.mark.parametrize(
    ("settings", "environment", "theme"),
    [
        (Configuration(), {"TERM": "xterm-256color"}, "textual-dark"),
        (Configuration(), {}, "textual-dark"),
        (Configuration(), {"TERM": "xterm-kitty"}, "textual-dark"),
        (Configuration(), {"TERM": "linux"}, PLAIN_16),
        (Configuration(), {"TERM": "screen"}, PLAIN_16),
        (Configuration(), {"TERM": "xterm"}, PLAIN_16),
        (Configuration(), {"TERM": "xterm", "COLORTERM": "truecolor"}, "textual-dark"),
        # GNU screen's window inherits what the terminal around it said of itself, and can't show it.
        (Configuration(), {"TERM": "screen", "COLORTERM": "truecolor", "STY": "1.pts"}, PLAIN_16),
        (Configuration(), {"TERM": "tmux-256color", "COLORTERM": "truecolor", "STY": "1"}, "textual-dark"),
        (Configuration(theme="nord"), {"TERM": "linux"}, "nord"),
    ],
)
def test_the_theme_follows_choice_then_terminal(settings, environment, theme) -> None:
    assert settings.theme_for(environment) == theme


def test_what_leaves_and_goes_back_is_nobodys_to_take() -> None:
    assert {"ctrl+c", "ctrl+q", "escape"} <= FIXED_KEYS
