"""A report opened in a real browser: it is drawn, it has its sections, and nothing in it is carried out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from handrail.engine.launch import engine_alive
from handrail.errors import ExitCode
from handrail.paths import StateFolder
from reported import in_time, journaled, too_late
from terminal import bare_environment
from waiting import wait_for

RUN = "20260728-1403-deploy-abcd"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSER_SECONDS = 120
ABORTED = ExitCode.FAILED_OR_ROLLED_BACK
SECTIONS = (
    "This run",
    "In short",
    "The rollback against its deadline",
    "The watch",
    "Who did what",
    "Waivers and what was left out",
    "Steps",
    "Timeline",
    "The plan's files",
    "What is masked",
)
SECRET = "Zx9Qw3rTy7-page"
RUNBOOK = """\
# Start the shop
## Start
### Read the settings
```bash
echo "<script>document.title='owned'</script><img src=x onerror=\\"document.title='owned'\\">"
echo "posting to https://user:other@hooks.example.com/$(cat webhook) now"
```
### Open the doors
```bash
echo "no seat | left"; exit 7
```
"""
PROJECT = """\
name = "shop"
state = "state"
default_target = "production"
[targets.production]
production = true
[targets.production.announce]
webhook = {file = "webhook"}
"""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium here. Do now: apt-get install chromium"),
]


class Browser:
    """Debian's chromium without a window, with a profile of its own and no way to the network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = 0

    def _open(self, page: Path, *words: str) -> str:
        self._calls += 1
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={self._folder / f'profile-{self._calls}'}",
        ]
        done = subprocess.run(
            [str(BROWSER), *flags, *words, page.as_uri()],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=bare_environment(self._folder),
            stdin=subprocess.DEVNULL,
            timeout=BROWSER_SECONDS,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def dom(self, page: Path) -> str:
        """The document as the browser has understood it."""
        return self._open(page, "--dump-dom")

    def picture(self, page: Path, width: int, height: int, *words: str) -> Image.Image:
        """What is seen of the page's beginning."""
        path = self._folder / f"picture-{self._calls}.png"
        self._open(page, f"--screenshot={path}", f"--window-size={width},{height}", *words)
        with Image.open(path) as image:
            image.load()
            return image.convert("RGB")


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    folder = tmp_path / "browser"
    folder.mkdir()
    return Browser(folder)


def handrail(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "handrail", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=bare_environment(folder),
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def colours(image: Image.Image) -> Counter[tuple[int, int, int]]:
    """How many pixels there are of each colour."""
    return Counter({colour: count for count, colour in image.getcolors(image.width * image.height)})


def brightness(image: Image.Image) -> float:
    grey = image.convert("L")
    return sum(n * count for n, count in enumerate(grey.histogram())) / (image.width * image.height)


def test_a_watched_and_rolled_back_run_is_seen_whole(tmp_path: Path, browser: Browser) -> None:
    journaled(in_time(), StateFolder(tmp_path / "state"), RUN)
    done = handrail(tmp_path, "--state", "state", "report", RUN)
    assert done.returncode == ExitCode.FINISHED, done.stderr
    page = tmp_path / f"{RUN}.html"
    dom = browser.dom(page)
    for title in SECTIONS:
        assert f">{title}" in dom, title
    assert dom.count("<svg ") > 6
    assert "<script" not in dom
    light = browser.picture(page, 1200, 5000)
    found = colours(light)
    assert len(found) > 200
    # The banner, a curve's first colour, a good bar: what must be seen is drawn in its colour.
    for colour in ((161, 26, 26), (31, 95, 166), (28, 107, 60)):
        assert found[colour] > 100, colour
    assert brightness(light) > 200
    phone = browser.picture(page, 500, 3000)
    assert colours(phone)[(161, 26, 26)] > 100
    # Nothing is wider than the window: the page's own ground is seen at the right edge all the way down.
    edge = phone.crop((phone.width - 2, 0, phone.width, phone.height))
    assert len(colours(edge)) == 1
    dark = browser.picture(page, 1200, 2000, "--blink-settings=preferredColorScheme=0")
    assert brightness(dark) < 80
    assert colours(dark)[(196, 58, 52)] > 100


def test_a_missed_deadline_is_seen(tmp_path: Path, browser: Browser) -> None:
    journaled(too_late(), StateFolder(tmp_path / "state"), RUN)
    assert handrail(tmp_path, "--state", "state", "report", RUN, "--format", "html").returncode == 0
    page = tmp_path / f"{RUN}.html"
    assert "MISSED its deadline" in browser.dom(page)
    assert colours(browser.picture(page, 1200, 2000))[(171, 31, 31)] > 500


def test_a_real_runs_log_is_shown_and_carries_nothing_out(tmp_path: Path, browser: Browser) -> None:
    (tmp_path / "start.md").write_text(RUNBOOK)
    (tmp_path / "handrail.toml").write_text(PROJECT)
    (tmp_path / "webhook").write_text(SECRET)
    ran = handrail(tmp_path, "run", "start.md", "--auto")
    assert "no seat | left" in ran.stdout
    [folder] = (tmp_path / "state" / "runs").iterdir()
    run = folder.name
    assert handrail(tmp_path, "abort", run, "--reason", "the test is over").returncode == ABORTED
    wait_for(lambda: not engine_alive(StateFolder(tmp_path / "state"), run), "the engine's end", 60)
    done = handrail(tmp_path, "report", run)
    assert done.returncode == ExitCode.FINISHED, done.stderr
    page = tmp_path / f"{run}.html"
    dom = browser.dom(page)
    assert "<title>owned" not in dom
    assert "&lt;script&gt;document.title='owned'&lt;/script&gt;" in dom
    assert "exit code 7" in dom
    for text in (dom, page.read_text(), (tmp_path / f"{run}.md").read_text()):
        assert "no seat | left" in text
        assert "posting to https://hooks.example.com/•••••• now" in text
        assert SECRET not in text
        assert "user:other" not in text
