"""The sandbox while it runs: pages, maintenance, webhook, releases, migrations."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from handrail.processes import ProcessIdentity
from handrail.sandbox.lifecycle import Sandbox
from handrail.sandbox.repository import Repository
from sandbox_fixture import Shop, silent
from waiting import wait_for

pytestmark = pytest.mark.e2e
ORDER = {"item": "lamp", "quantity": "2", "coupon": "WELCOME", "giftNote": "for the desk"}


def test_status_says_what_runs_and_what_is_served(sandbox: Sandbox, shop: Shop) -> None:
    status = sandbox.status()
    assert status.running
    assert [part.name for part in status.parts] == [
        "database",
        "application",
        "proxy",
        "webhook",
        "traffic",
        "prometheus",
    ]
    assert status.version == "1.2.3"
    assert status.commit == shop.run("git", "rev-parse", "v1.2.3^{commit}").strip()
    assert not status.maintenance
    assert status.lines()[-1].startswith("Production serves 1.2.3 (")


@pytest.mark.parametrize(
    ("method", "path", "form", "status", "text"),
    [
        ("GET", "/", {}, 200, "Welcome to the Web shop"),
        ("GET", "/shop.css", {}, 200, "font:16px"),
        ("GET", "/login", {}, 200, "Log in"),
        ("POST", "/login", {"user": "guest", "password": "no"}, 401, "do not go together"),
        ("GET", "/account", {}, 303, ""),
        ("GET", "/checkout", {}, 200, "Place order"),
        ("POST", "/checkout", {"item": "mug", "quantity": "0"}, 422, "whole number"),
        ("GET", "/healthz", {}, 200, '"status":"ok"'),
        ("GET", "/nowhere", {}, 404, "no such page"),
    ],
)
def test_pages(open_shop: Shop, method: str, path: str, form: dict[str, str], status: int, text: str) -> None:
    answer = open_shop.request(method, path, form)
    assert answer.status_code == status
    assert text in answer.text


def test_an_order_of_a_customer_who_logged_in_is_in_the_database(open_shop: Shop) -> None:
    with httpx.Client(base_url=str(open_shop.target.url), trust_env=False) as browser:
        assert browser.post("/login", data={"user": "ørsted", "password": "demo"}).status_code == 303
        assert "Signed in as ørsted" in browser.get("/account").text
        answer = browser.post("/checkout", data=ORDER)
    assert answer.status_code == 200
    assert "88.20" in answer.text
    assert (
        open_shop.sql("SELECT item, quantity, cents FROM orders WHERE customer = 'ørsted'") == "lamp|2|8820"
    )


def test_the_project_file_fits_what_runs(open_shop: Shop) -> None:
    target = open_shop.target
    assert target.production
    assert target.checkout == open_shop.production
    assert target.pm2.home == open_shop.sandbox.layout.pm2_home
    for flow in target.smoke.flows:
        with httpx.Client(base_url=str(target.url), trust_env=False) as browser:
            for step in flow.requests:
                answer = browser.request(step.method, step.path, data=step.form or None)
                assert answer.status_code == step.expect_status, step
                assert (step.expect_text or "") in answer.text
    assert "operations" in open_shop.run(
        "git", "-C", str(open_shop.sandbox.layout.shop), "branch", "--show-current"
    )
    assert not open_shop.run("git", "-C", str(open_shop.sandbox.layout.shop), "status", "--porcelain")


def test_the_maintenance_page_answers_every_method_and_the_application_goes_on(open_shop: Shop) -> None:
    assert "Maintenance is on" in open_shop.run("./scripts/enable-maintenance.sh")
    assert "already on" in open_shop.run("./scripts/enable-maintenance.sh")
    for method in ("GET", "POST", "PUT", "HEAD"):
        answer = open_shop.request(method, "/checkout", ORDER if method == "POST" else None)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"
        assert method == "HEAD" or open_shop.target.maintenance.marker in answer.text
    assert open_shop.get("/", past_proxy=True).status_code == 200
    assert open_shop.sandbox.status().maintenance
    assert not open_shop.run("git", "status", "--porcelain")
    assert "Maintenance is off" in open_shop.run("./scripts/disable-maintenance.sh")
    assert "already off" in open_shop.run("./scripts/disable-maintenance.sh")
    assert open_shop.get("/").status_code == 200


def test_the_flag_may_be_another_file(open_shop: Shop, tmp_path: Path) -> None:
    flag = tmp_path / "a folder" / "flag"
    open_shop.run("./scripts/enable-maintenance.sh", environment={"MAINTENANCE_FLAG": str(flag)})
    assert flag.exists()
    assert not open_shop.sandbox.status().maintenance
    open_shop.run("./scripts/disable-maintenance.sh", environment={"MAINTENANCE_FLAG": str(flag)})
    assert not flag.exists()


@pytest.mark.parametrize(
    ("mode", "status", "text"),
    [
        (None, 200, "ok"),
        ("500", 500, "rollup_error"),
        ("404", 404, "no_service"),
        ("429", 429, "rate_limited"),
    ],
)
def test_the_webhook_keeps_posts_and_answers_as_told(
    open_shop: Shop, mode: str | None, status: int, text: str
) -> None:
    announce = open_shop.target.announce
    assert announce is not None
    if mode:
        open_shop.sandbox.layout.webhook_mode.write_text(mode)
    answer = httpx.post(announce.webhook.reveal(), json={"text": "Deploying ✓"}, trust_env=False)
    assert (answer.status_code, answer.text) == (status, text)
    assert [(post["status"], post["body"]) for post in open_shop.posts()] == [
        (status, {"text": "Deploying ✓"})
    ]


def test_a_webhook_that_hangs_has_taken_the_post(shop: Shop) -> None:
    announce = shop.target.announce
    assert announce is not None
    shop.sandbox.layout.webhook_mode.write_text("hang")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(announce.webhook.reveal(), json={"text": "perhaps"}, timeout=0.5, trust_env=False)
    assert [post["status"] for post in shop.posts()] == [None]


def test_traffic_is_logged_with_status_and_duration(open_shop: Shop) -> None:
    log = open_shop.sandbox.layout.traffic
    before = log.stat().st_size
    wait_for(lambda: log.stat().st_size > before, "another line of traffic")
    last = json.loads(log.read_text().splitlines()[-1])
    assert last["status"] in (200, 303)
    assert last["milliseconds"] > 0


def test_the_good_release_and_its_migration_up_and_down(shop: Shop) -> None:
    column = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'gift_note'"
    shop.run("git", "checkout", "--quiet", "--detach", "v1.3.0")
    shop.run("npm", "ci")
    assert "fail 0" in shop.run("npm", "test")
    shop.run("npm", "run", "migrate:prod")
    assert shop.sql(column) == "1"
    assert "No migrations to run" in shop.run("npm", "run", "migrate:prod")
    assert shop.request("POST", "/checkout", ORDER).status_code == 200, "the old code goes on with the column"
    shop.run("npm", "run", "migrate:down")
    assert shop.sql(column) == "0"

    shop.deploy("v1.3.0")
    assert shop.version() == "1.3.0"
    assert shop.request("POST", "/checkout", ORDER).status_code == 200
    assert shop.sql("SELECT gift_note FROM orders WHERE gift_note <> ''") == "for the desk"


def test_the_bad_release_passes_its_tests_and_fails_at_the_checkout(shop: Shop) -> None:
    shop.deploy("v1.3.1")
    assert "fail 0" in shop.run("npm", "test")
    assert shop.version() == "1.3.1"
    assert shop.get("/").status_code == 200
    assert shop.get("/checkout").status_code == 500
    assert shop.request("POST", "/checkout", ORDER).status_code == 500
    errors = "".join(log.read_text() for log in (shop.sandbox.layout.pm2_home / "logs").glob("*error*"))
    assert "ERROR GET /checkout" in errors


@pytest.mark.long
def test_the_release_that_drops_a_column_breaks_the_code_before_it(shop: Shop) -> None:
    shop.deploy("v1.3.0")
    shop.run("git", "checkout", "--quiet", "--detach", "v1.4.0")
    assert "fail 0" in shop.run("npm", "test")
    shop.run("npm", "run", "migrate:prod")
    assert shop.request("POST", "/checkout", ORDER).status_code == 500
    shop.run("npm", "run", "build")
    shop.reload()
    assert shop.version() == "1.4.0"
    assert shop.request("POST", "/checkout", ORDER).status_code == 200
    shop.run("npm", "run", "migrate:down")
    assert shop.sql("SELECT count(*) FROM information_schema.columns WHERE column_name = 'coupon'") == "1"


def test_a_build_that_was_forgotten_serves_the_old_version(shop: Shop) -> None:
    shop.run("git", "checkout", "--quiet", "--detach", "v1.3.0")
    shop.reload()
    assert shop.version() == "1.2.3"


def test_a_failed_build_leaves_the_served_one(shop: Shop) -> None:
    (shop.production / "src" / "pages.js").write_text("function (")
    assert "SyntaxError" in shop.run("npm", "run", "build", expect=1)
    shop.reload()
    assert shop.version() == "1.2.3"


def test_a_reload_drops_no_request(shop: Shop) -> None:
    def pids() -> set[int]:
        return {shop.get("/version").json()["pid"] for _ in range(8)}

    before = wait_for(lambda: found if len(found := pids()) == 2 else None, "both instances to answer")
    with ThreadPoolExecutor(2) as pool:
        reload = pool.submit(shop.reload)
        statuses = []
        while not reload.done():
            statuses.append(shop.get("/").status_code)
        reload.result()
    assert set(statuses) == {200}
    assert not pids() & before


def test_without_the_application_the_proxy_says_so(shop: Shop) -> None:
    shop.run(*shop.target.pm2.program, "delete", "shop", "--silent")
    answer = shop.request("POST", "/checkout", ORDER)
    assert answer.status_code == 502
    assert "nothing listens there" in answer.text
    shop.sandbox.up(silent)
    assert shop.version() == "1.2.3"


def test_nothing_of_the_callers_environment_lives_on(sandbox: Sandbox) -> None:
    told = Sandbox(
        sandbox.layout.root, {**Shop(sandbox).environment, "DEPLOY_TOKEN": "a-secret-of-the-caller"}
    )
    told.down(silent)
    told.up(silent)
    shop = Shop(sandbox)
    shop.run(*shop.target.pm2.program, "startOrReload", "ecosystem.config.cjs", "--update-env", "--silent",
             environment={"DEPLOY_TOKEN": "a-secret-of-the-caller"})  # fmt: skip
    listed = shop.run(*shop.target.pm2.program, "jlist", "--silent")
    assert "a-secret-of-the-caller" not in listed
    for identity in living(shop):
        environment = Path(f"/proc/{identity.pid}/environ")
        if environment.exists():
            assert b"DEPLOY_TOKEN" not in environment.read_bytes(), identity


def test_reset_brings_everything_back(shop: Shop) -> None:
    layout = shop.sandbox.layout
    repository_refs = shop.record.refs
    shop.deploy("v1.3.0")
    shop.run("./scripts/enable-maintenance.sh")
    shop.run("git", "tag", "--force", "v1.2.3", "v1.4.0^{commit}")
    shop.run("git", "push", "--quiet", "--force", "origin", "v1.2.3", "HEAD:refs/heads/stray")
    shop.run("git", "checkout", "--quiet", "-b", "hotfix")
    (shop.production / "src" / "app.js").write_text("broken")
    (shop.production / "left-behind").touch()
    (shop.production / ".git" / "index.lock").touch()
    layout.webhook_mode.write_text("500")
    layout.posts.write_text("{}\n")
    shop.sandbox.reset(silent)
    assert shop.version() == "1.2.3"
    assert not shop.run("git", "status", "--porcelain")
    assert shop.run("git", "describe", "--tags").strip() == "v1.2.3"
    assert shop.run("git", "branch", "--format=%(refname:short)", "--list", "hotfix") == ""
    assert "stray" not in shop.run("git", "branch", "-r")
    assert shop.sql("SELECT count(*) FROM information_schema.columns WHERE column_name = 'gift_note'") == "0"
    origin = shop.run("git", "ls-remote", "--tags", "--heads", "origin")
    listed = {name: target for target, name in (line.split() for line in origin.splitlines())}
    assert repository_refs.items() <= listed.items()
    assert "refs/heads/operations" in listed
    assert "refs/heads/stray" not in listed
    assert not layout.webhook_mode.exists()
    assert shop.posts() == []
    assert not shop.sandbox.status().maintenance


def test_reset_makes_a_ruined_database_anew(shop: Shop) -> None:
    shop.sandbox.down(silent)
    (shop.sandbox.layout.postgres / "data" / "global" / "pg_control").write_bytes(b"ruined")
    shop.sandbox.reset(silent)
    assert shop.request("POST", "/checkout", ORDER).status_code == 200


def living(shop: Shop) -> list[ProcessIdentity]:
    return [each for part in shop.record.processes for each in shop.record.living(part)]


def test_the_repository_is_the_same_every_time(shop: Shop, tmp_path: Path) -> None:
    from handrail.sandbox.commands import Commands
    from handrail.sandbox.layout import Layout

    layout = Layout(tmp_path)
    layout.run.mkdir()
    # Who signs is another in every sandbox; what they sign isn't.
    shutil.copytree(shop.sandbox.layout.review, layout.review)
    again = Repository(layout, Commands(layout.run, silent), Path("git"), shop.environment)
    again.create()
    assert again.refs() == shop.record.refs


def test_where_nothing_can_be_signed_it_comes_up_and_asks_for_no_review(shop: Shop, tmp_path: Path) -> None:
    from handrail.project.loader import load
    from handrail.sandbox.commands import Commands
    from handrail.sandbox.configuration import project_file
    from handrail.sandbox.layout import Layout

    layout, programs, said = Layout(tmp_path / "sandbox"), tmp_path / "programs", []
    layout.run.mkdir(parents=True)
    programs.mkdir()
    git = Path(shutil.which("git") or "")
    (programs / "git").symlink_to(git)
    unsigned = Repository(layout, Commands(layout.run, said.append), git, {"PATH": str(programs)})
    unsigned.create()
    assert "The releases are not signed: ssh-keygen is missing here" in said[0]
    assert unsigned.refs().keys() == shop.record.refs.keys()
    assert not layout.review.exists()
    file = tmp_path / "handrail.toml"
    file.write_text(project_file(layout, shop.record, (), programs, ["operator"]))
    assert "ssh-keygen" in load(file).targets["production"].set_aside["review.approved"]


def test_a_project_file_changed_by_hand_is_put_back(shop: Shop) -> None:
    file = shop.sandbox.project_file
    text = file.read_text()
    file.write_text(f"{text}# by hand\n")
    shop.sandbox.reset(silent)
    assert file.read_text() == text
    assert shop.version() == "1.2.3"
