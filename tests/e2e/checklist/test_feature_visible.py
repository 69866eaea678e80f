"""From a feature that nobody sees to its cause: the shipped runbook, on the sandbox behind a real cache."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from caching_proxy import cached
from e2e.faults.desk import Desk
from handrail.errors import ExitCode
from sandbox_fixture import Shop

pytestmark = pytest.mark.e2e


@pytest.mark.long
def test_each_thing_that_stands_between_is_looked_at(open_shop: Shop, tmp_path: Path) -> None:
    target = open_shop.target
    with cached(str(target.app_url)) as front:
        folder = tmp_path / "project"
        folder.mkdir()
        text = open_shop.sandbox.project_file.read_text()
        (folder / "handrail.toml").write_text(
            text.replace(f'url = "{target.url}"', f'url = "{front.address}"')
        )
        # What the cache kept of the checkout is another page than the application gives now.
        front.kept["/checkout"] = (time.monotonic(), open_shop.get("/login", past_proxy=True))
        desk = Desk(tmp_path, folder)
        try:
            desk.auto("feature-visible", "--param", "release=v1.2.3").says(
                "Passed: The release is served",
                "the feature flag production mode is on: the variable NODE_ENV of the processes",
                "the feature flag gift notes (from v1.3.0 on) is off",
                "KNOWN ISSUE: The deployment went well, but the feature isn't visible",
                "Mended by: the runbook feature-visible",
                code=ExitCode.FAILED_OR_ROLLED_BACK,
            )
            desk.type("skip that flag is not in this release", "run", "wait").says(
                "/: visitors get what the application gives",
                "/checkout: visitors get another one",
                "x-cache: HIT",
                code=ExitCode.DETACHED,
            )
            front.purge()
            desk.type("retry", "wait", "run", "wait", "yes I see it", "wait").says(
                "/checkout: visitors get what the application gives",
                "/shop.css: visitors get what the application gives",
                "The run is finished",
                code=ExitCode.FINISHED,
            )
            desk.nothing_lost()
        finally:
            desk.end()
