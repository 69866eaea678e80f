"""The team's repository: a bare origin with four releases, the operator's clone, production's checkout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.sandbox.commands import Commands, bare_environment
from handrail.sandbox.layout import Layout
from handrail.sandbox.reviewer import EMAIL, NAME, Reviewer

TEMPLATE = Path(__file__).parent / "shop"
SERVED_FIRST = "v1.2.3"
OPERATIONS = "operations"
OPERATORS_EMAIL = "operators@shop.invalid"
_AUTHOR = {"NAME": "Web shop developers", "EMAIL": "developers@shop.invalid"}
_REVIEWER = {"NAME": NAME, "EMAIL": EMAIL}
_RENAMED = {"dot-gitignore": ".gitignore", "dot-npmrc": ".npmrc"}
_MAINTENANCE_SCRIPTS = ("enable-maintenance.sh", "disable-maintenance.sh")


@dataclass(frozen=True, slots=True)
class Release:
    """One tag: the branch that it is the head of, the tag that it is built on, and its one commit."""

    tag: str
    branch: str
    parent: str | None
    date: str
    subject: str


RELEASES = (
    Release(
        "v1.2.3", "main", None, "2026-01-12T09:00:00+00:00", "Open the shop: home page, login and checkout"
    ),
    Release(
        "v1.3.0", "main", "v1.2.3", "2026-01-19T09:00:00+00:00", "Let a customer add a gift note to an order"
    ),
    Release(
        "v1.3.1", "release/1.3", "v1.3.0", "2026-01-20T09:00:00+00:00", "Sort the items on the checkout page"
    ),
    Release("v1.4.0", "release/1.4", "v1.3.0", "2026-01-26T09:00:00+00:00", "Take coupons out of the shop"),
)


def maintenance_scripts() -> Path:
    """The folder of the shipped maintenance scripts: in a wheel, or in handrail's own repository."""
    package = Path(__file__).parents[1]
    shipped = package / "shipped" / "scripts"
    return shipped if shipped.exists() else package.parents[1] / "scripts"


class Repository:
    """The origin and its two clones."""

    def __init__(self, layout: Layout, commands: Commands, git: Path, environment: Mapping[str, str]) -> None:
        self._layout = layout
        self._commands = commands
        self._git_program = git
        # The operator's own configuration (signing, hooks, another default branch) must not matter.
        self._environment = bare_environment(environment.get("PATH", ""), environment) | {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        self.reviewer = Reviewer(layout, commands, git, self._environment)

    def git(self, folder: Path, *arguments: str, date: str | None = None, reviewed: bool = False) -> str:
        """Run git in a folder and return its output; commits are made by a role, at a fixed time.

        What was `reviewed` is committed by who did.
        """
        environment = dict(self._environment)
        if date:
            for who in ("AUTHOR", "COMMITTER"):
                role = _REVIEWER if reviewed and who == "COMMITTER" else _AUTHOR
                environment |= {f"GIT_{who}_{what}": value for what, value in role.items()}
                environment[f"GIT_{who}_DATE"] = date
        argv: list[str | Path] = [self._git_program, *arguments]
        return self._commands.run("git", argv, cwd=folder, environment=environment).strip()

    def create(self) -> None:
        """Make the origin and both clones where they are missing."""
        if not self._layout.origin.exists():
            self._create_origin()
        for clone, name in ((self._layout.shop, "operators"), (self._layout.production, "production")):
            if not clone.exists():
                self._clone(clone, name)

    def create_staging(self) -> None:
        """Make staging's checkout where it is missing."""
        if not self._layout.staged.checkout.exists():
            self._clone(self._layout.staged.checkout, "staging")

    def refs(self) -> dict[str, str]:
        """Every branch and tag of the origin, with what it points to."""
        lines = self.git(
            self._layout.origin, "for-each-ref", "--format=%(refname) %(objectname)"
        ).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def restore_origin(self, refs: Mapping[str, str]) -> None:
        """Put the origin's branches and tags back to `refs`, and remove all others but the operators'."""
        origin = self._layout.origin
        now = {name: target for name, target in self.refs().items() if name != f"refs/heads/{OPERATIONS}"}
        for name in now.keys() - refs.keys():
            self.git(origin, "update-ref", "-d", name)
        for name, target in refs.items():
            if now.get(name) != target:
                self.git(origin, "update-ref", name, target)

    def restore(self, folder: Path) -> None:
        """Put an environment's checkout back to a clean `v1.2.3`; ignored files are kept."""
        for stale in (folder / ".git").glob("*.lock"):
            stale.unlink()
        for state in ("merge", "revert", "cherry-pick", "rebase"):
            head = {"rebase": "rebase-merge"}.get(state, f"{state.upper().replace('-', '_')}_HEAD")
            if (folder / ".git" / head).exists():
                self.git(folder, state, "--abort")
        self.git(folder, "remote", "set-url", "origin", str(self._layout.origin))
        self.git(folder, "fetch", "--quiet", "--prune", "--prune-tags", "--tags", "--force", "origin")
        self.git(folder, "checkout", "--quiet", "--force", "--detach", SERVED_FIRST)
        self.git(folder, "clean", "--quiet", "-fd")
        branches = self.git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
        for branch in branches:
            if branch != "main":
                self.git(folder, "branch", "--quiet", "-D", branch)
        self.git(folder, "branch", "--quiet", "--force", "main", SERVED_FIRST)
        self.git(folder, "branch", "--quiet", "--set-upstream-to=origin/main", "main")

    def commit_of(self, folder: Path) -> str:
        """The commit that is checked out in an environment."""
        return self.git(folder, "rev-parse", "HEAD^{commit}")

    def write_project_file(self, text: str) -> bool:
        """Write and commit `handrail.toml` in the operator's clone; False where it says that already."""
        shop = self._layout.shop
        path = shop / "handrail.toml"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return False
        path.write_text(text, encoding="utf-8")
        self.git(shop, "add", "handrail.toml")
        if not self.git(shop, "status", "--porcelain", "--", "handrail.toml"):
            # Somebody changed it by hand without a commit: it says again what is committed.
            return True
        date = "2026-01-27T09:00:00+00:00"
        self.git(
            shop,
            "commit",
            "--quiet",
            "-m",
            "Say how production is deployed",
            "--",
            "handrail.toml",
            date=date,
        )
        self.git(shop, "push", "--quiet", "--force", "origin", f"HEAD:{OPERATIONS}")
        return True

    def _create_origin(self) -> None:
        work = self._layout.run / "origin.work"
        bare = self._layout.run / "origin.new"
        for leftover in (work, bare):
            shutil.rmtree(leftover, ignore_errors=True)
        work.mkdir()
        self.reviewer.make_key()
        self.git(work, "init", "--quiet", "-b", "main")
        for release in RELEASES:
            if release.parent is not None:
                self.git(work, "checkout", "--quiet", "-B", release.branch, release.parent)
            _lay_over(work, release.tag)
            self.git(work, "add", "-A")
            self._commit(work, release)
            self.git(work, "tag", "-a", "-m", f"Shop {release.tag[1:]}", release.tag, date=release.date)
        self.git(work, "init", "--quiet", "--bare", "-b", "main", str(bare))
        self.git(work, "push", "--quiet", str(bare), "--all")
        self.git(work, "push", "--quiet", str(bare), "--tags")
        bare.rename(self._layout.origin)
        shutil.rmtree(work)

    def _commit(self, work: Path, release: Release) -> None:
        """Commit a release; where it can be signed, by its reviewer, who says so in it."""
        if not self.reviewer.signs:
            self.git(work, "commit", "--quiet", "-m", release.subject, date=release.date)
            return
        message = f"{release.subject}\n\nReviewed-by: {NAME} <{EMAIL}>"
        commit = (*self.reviewer.signing(), "commit", "--quiet", "-m", message)
        self.git(work, *commit, date=release.date, reviewed=True)

    def _clone(self, clone: Path, name: str) -> None:
        partial = self._layout.run / f"{clone.name}.new"
        shutil.rmtree(partial, ignore_errors=True)
        self.git(self._layout.root, "clone", "--quiet", str(self._layout.origin), str(partial))
        self.git(partial, "config", "user.name", f"Web shop {name}")
        self.git(partial, "config", "user.email", f"{name}@shop.invalid")
        if name != "operators":
            self.git(partial, "checkout", "--quiet", "--detach", SERVED_FIRST)
            self.git(partial, "branch", "--quiet", "--force", "main", SERVED_FIRST)
        else:
            self.git(partial, "checkout", "--quiet", "--no-track", "-B", OPERATIONS, "origin/main")
        partial.rename(clone)


def _lay_over(work: Path, tag: str) -> None:
    """Copy a release's files over those of the one before, with modes that don't hang on the installation."""
    layer = TEMPLATE / tag
    for source in sorted(layer.rglob("*")):
        if source.is_file():
            target = work / source.relative_to(layer).with_name(_RENAMED.get(source.name, source.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o644)
    for name in _MAINTENANCE_SCRIPTS:
        target = work / "scripts" / name
        shutil.copyfile(maintenance_scripts() / name, target)
        target.chmod(0o755)
    for name in ("package.json", "package-lock.json"):
        content = json.loads((work / name).read_text(encoding="utf-8"))
        content["version"] = tag[1:]
        if "packages" in content:
            content["packages"][""]["version"] = tag[1:]
        (work / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
