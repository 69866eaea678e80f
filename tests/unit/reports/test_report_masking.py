"""Nothing secret in a report: planted wherever a run can carry text, looked for in both outputs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from handrail.project.model import Announce, Database, Secret, Target
from handrail.project.secret import secrets_of, unread_secrets
from handrail.reports.page.html import html
from handrail.reports.page.markdown import markdown
from handrail.reports.page.masking import Masking
from handrail.reports.page.source import LogTail
from handrail.run import commands as c
from handrail.text import MASK
from reported import report_of
from walk import WATCHER, Walk, attest, gate, smoke, task, undo

PASSWORD = "h&rd<rail>pa55"
DATABASE = f"postgresql://shop:{quote(PASSWORD, safe='')}@db.internal:5432/shop"
WEBHOOK = "https://hooks.example.com/services/T000/B000/Zx9Qw3rTy7"
TOKEN = "xoxb-1234-5678-abcdefgh"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("DATABASE_URL", DATABASE)
    (tmp_path / "webhook").write_text(WEBHOOK + "\n")
    return Target(
        name="production",
        production=True,
        announce=Announce(webhook=Secret(file=tmp_path / "webhook")),
        database=Database(url=Secret(env="DATABASE_URL")),
    )


def planted(target: Target, secret: str) -> Walk:
    """A run that has the secret in its arguments, parameters, facts, evidence, reasons and notes."""
    walk = Walk(
        attest("agree", title=f"Agree ({secret})"),
        task(
            "build",
            arguments={"url": secret, "long": f"--some-option={secret}", "nested": {"deep": [secret]}},
            gate=(gate("suite.passed"),),
            undo=undo("build"),
        ),
        smoke(),
        target=target,
        parameters={"feature": f"notes {secret}", "ref": secret},
    )
    walk.do(c.Attest(step="agree", holds=True, note=f"see {secret}"))
    walk.start("build")
    walk.end(1, evidence=f"refused: {secret}")
    walk.do(c.WaiveCheck(step="build", check="suite.passed", reason=f"because {secret}"))
    walk.start("build")
    walk.end(0, facts={"url": secret, "previous_release": secret}, evidence=f"connected to {secret}!")
    walk.do(c.AddNote(text=f"I used {secret}"), WATCHER)
    walk.start("smoke")
    walk.end(1, evidence=f"{secret} answers 500", left_behind=(f"curl {secret}",))
    walk.roll_back()
    walk.end(evidence=secret)
    return walk


def both(walk: Walk, secrets: tuple[str, ...], *lines: str) -> str:
    tails = {number: LogTail(lines, 900, whole=True) for number in walk.state.attempts}
    report = report_of(walk, tails, secrets)
    return html(report) + markdown(report)


@pytest.mark.parametrize("secret", [DATABASE, PASSWORD, WEBHOOK])
def test_the_targets_secrets_are_nowhere(target: Target, secret: str) -> None:
    lines = (f"url={secret}", f"\x1b[32m{secret}\x1b[0m", f"{'x' * 390}{secret}", f'{{"url": "{secret}"}}')
    found = both(planted(target, secret), secrets_of(target), *lines)
    assert MASK in found
    for form in (secret, quote(secret, safe=""), PASSWORD, "h&amp;rd", "pa55", "Zx9Qw3rTy7", quote(PASSWORD)):
        assert form not in found, form


def test_a_token_is_masked_too(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    target = Target(name="production", announce=Announce(token=Secret(file=tmp_path / "token")))
    assert TOKEN not in both(planted(target, TOKEN), secrets_of(target), f"Bearer {TOKEN}")


def test_an_argument_is_masked_before_it_is_cut(target: Target) -> None:
    # A sentence cuts arguments after 60 characters: in the midst of this one.
    walk = Walk(task("build", arguments={"option": "y" * 48 + PASSWORD * 2}), target=target)
    walk.run("build")
    found = both(walk, secrets_of(target))
    assert "h&amp;rd" not in found
    assert PASSWORD[:6] not in found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://user:other@db/x", "postgres://db/x"),
        (
            "https://token@git.example.com/x.git and ssh://git@h:22/y",
            "https://git.example.com/x.git and ssh://h:22/y",
        ),
        ("mail me at team@example.com", "mail me at team@example.com"),
        ("https://example.com/@someone", "https://example.com/@someone"),
        ("p=supersecret.", f"p={MASK}."),
        ("p=supersecr… and on", f"p={MASK}… and on"),
        ("p=sup… and on", "p=sup… and on"),
        ("line\nhkiG9w0BAQEFAASC", f"line {MASK}"),
        (r"{\"k\": \"a\\\"b-quoted\"}", r"{\"k\": \"a\\\"b-quoted\"}"),
    ],
)
def test_what_is_masked_in_a_text(text: str, shown: str) -> None:
    assert Masking(("supersecret", KEY)).line(text) == shown


def test_a_secret_is_found_in_json_and_percent_encoded() -> None:
    masking = Masking(('a"b/c d',))
    assert masking.line(r'{"k": "a\"b/c d"}') == f'{{"k": "{MASK}"}}'
    assert masking.line("k=a%22b%2Fc%20d") == f"k={MASK}"
    assert masking.line("k=a%22b/c%20d") == f"k={MASK}"


def test_values_are_masked_in_any_depth() -> None:
    masking = Masking(("hunter22",))
    assert masking.value({"a": ["hunter22", {"b": "x hunter22"}], "n": 3}) == {
        "a": [MASK, {"b": f"x {MASK}"}],
        "n": 3,
    }


def test_a_secret_that_cannot_be_read_is_named(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    assert unread_secrets(target) == ()
    monkeypatch.delenv("DATABASE_URL")
    assert unread_secrets(target) == ("DATABASE_URL",)
    assert target.announce is not None
    assert target.announce.webhook is not None
    Path(str(target.announce.webhook.file)).unlink()
    assert unread_secrets(target) == (str(target.announce.webhook.file), "DATABASE_URL")
