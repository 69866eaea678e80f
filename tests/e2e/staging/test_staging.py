"""A release on staging: deployed, tried, rolled back and forward; and what production's gate says of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handrail.cli.opening import RunOpening
from handrail.clock import SystemClock
from handrail.engine.launch import engine_alive
from handrail.errors import ExitCode
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.policy.gate import Verdict
from handrail.policy.soak import judge_soak
from handrail.project.loader import load
from handrail.project.staging import SCENARIOS
from handrail.reports.staging import History, Told, staging_history
from handrail.run.actors import Actor
from handrail.tasks.dry import preview
from handrail.tasks.staging import staged_of
from sandbox_fixture import Shop, silent
from waiting import wait_for

pytestmark = pytest.mark.e2e
LINE = re.compile(r"\$ |[A-Z]+ http")
CUSTOMER = "a.customer@shop.invalid"


@dataclass
class Checked:
    """What a check said in an attempt of its own."""

    code: int
    verdict: str
    evidence: str
    log: str


class Operator:
    """Who runs handrail in the shop's project, with a state directory of their own."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.state = StateFolder(folder / "state").create()
        self.environment = {**os.environ, "HANDRAIL_STATE": str(self.state.root), "BUILD_PACE_MS": "0"}

    def run(self, runbook: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A run without a person."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "handrail", "run", runbook, "--auto", *words],
            cwd=self.shop.sandbox.layout.shop,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        for head in self.journal(lambda journal: journal.runs(open_only=True)):
            if done.returncode != ExitCode.FINISHED:
                subprocess.run(
                    [
                        sys.executable,
                        "-P",
                        "-m",
                        "handrail",
                        "abort",
                        head.run,
                        "--reason",
                        "the test failed",
                    ],
                    cwd=self.shop.sandbox.layout.shop,
                    env=self.environment,
                    timeout=60,
                    check=False,
                )
        for head in self.journal(lambda journal: journal.runs()):
            wait_for(lambda run=head.run: not engine_alive(self.state, run), "the engine's end", 30)
        return done

    def check(self, target: str, task: str, **arguments: Any) -> Checked:
        """A check in an attempt, as the engine would start it."""
        folder = self.state.attempt(
            "a-gate", len(list(self.state.root.glob("runs/a-gate/attempts/*"))) + 1
        ).folder
        folder.mkdir(parents=True)
        raw = load(self.shop.sandbox.project_file).targets[target].model_dump(mode="json", by_alias=True)
        spec = {"cwd": str(self.shop.sandbox.layout.shop)}
        (folder / "spec.json").write_text(
            json.dumps({**spec, "task": {"name": task, "arguments": arguments, "target": raw}})
        )
        done = subprocess.run(
            [sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(folder)],
            env={**self.environment, "HANDRAIL_REPORT": str(folder / "report.jsonl")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        report = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
        said = next(
            (entry for entry in reversed(report) if "verdict" in entry), {"verdict": "", "evidence": ""}
        )
        return Checked(done.returncode, said["verdict"], said["evidence"], done.stdout)

    def journal(self, look: Any) -> Any:
        """What is seen in the journal."""
        journal = SqliteJournal(self.state.journal)
        try:
            return look(journal)
        finally:
            journal.close()

    def history(self) -> History:
        """Staging's past, as the journal tells it."""

        def told(journal: SqliteJournal) -> list[Told]:
            runs = [head.run for head in reversed(journal.runs()) if head.target == "staging"]
            records = [record for run in runs for record in journal.read(run)]
            return [Told(r.run, r.at.datetime(), r.type, r.body) for r in records]

        return staging_history(self.journal(told))


def staging_sql(shop: Shop, statement: str) -> str:
    """Run one statement in staging's database."""
    database = load(shop.sandbox.project_file).targets["staging"].database
    assert database is not None
    assert database.programs is not None
    psql = str(database.programs / "psql")
    return shop.run(
        psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database.url.reveal(), "-c", statement
    ).strip()


@pytest.mark.long
def test_a_release_is_staged_tried_and_asked_for(staged: Shop, tmp_path: Path) -> None:
    shop, operator = staged, Operator(staged, tmp_path)
    anonymised = staging_sql(shop, "select customer from orders where customer is not null")
    assert anonymised.startswith("customer-")
    assert CUSTOMER not in anonymised
    commit = shop.run("git", "rev-parse", "v1.3.0^{commit}").strip()

    deployed = operator.run("staging-deploy", "--param", "ref=v1.3.0")
    assert deployed.returncode == ExitCode.FINISHED, deployed.stdout
    assert shop.version() == "1.2.3", "production is as it was"
    history = operator.history()
    assert history.served == commit
    first = history.since

    verified = operator.run("staging-verify")
    assert verified.returncode == ExitCode.FINISHED, verified.stdout
    history = operator.history()
    assert history.served == commit
    assert history.since is not None
    assert first is not None
    assert history.since > first, "the rehearsal served other code for a moment"
    assert {name: each.passed for name, each in history.of(commit).items()} == dict.fromkeys(SCENARIOS, True)
    mirrored = history.of(commit)["mirrors production"].evidence
    assert "environment PORT" in mirrored
    assert "accepted: both environments run on this one machine" in mirrored
    rehearsal = history.of(commit)["rollback"].evidence
    assert "rolled back to" in rehearsal
    assert "no table lost a row" in rehearsal
    for secret in shop.record.passwords.values():
        assert secret not in verified.stdout

    tried = operator.check("production", "staging.verified", ref="v1.3.0")
    assert (tried.code, tried.verdict) == (0, "pass"), tried.log
    assert "passed there: " in tried.evidence
    young = operator.check("production", "staging.soaked", ref="v1.3.0")
    assert (young.code, young.verdict) == (1, "fail"), young.log
    assert f"{commit[:12]} has been on staging for" in young.evidence
    assert "of 24 h are missing, reached at" in young.evidence
    for asked in ("staging.verified", "staging.soaked"):
        other = operator.check("production", asked, ref="v1.4.0")
        assert other.verdict == "fail"
        assert f"staging serves {commit[:12]}" in other.evidence

    for age, verdict in (
        (timedelta(hours=24), Verdict.PASS),
        (timedelta(hours=23, minutes=59), Verdict.FAIL),
    ):
        judged = judge_soak(
            commit,
            staged_of(history, commit, commit, None),
            soak=timedelta(hours=24),
            now=history.since + age,
        )
        assert judged.verdict is verdict, judged.evidence

    opening = RunOpening(load(shop.sandbox.project_file), runbook="production-deploy", target=None, given={})
    actor = Actor(user="operator", host="here", session="test")
    plan = operator.journal(
        lambda journal: opening.use(operator.state, journal, actor, SystemClock()).preview(
            {"feature": "Gift notes", "ref": "v1.3.0"}
        )
    )
    undone = {key for key in plan.usual if key.startswith("undo/rollback-code/")}
    assert len(undone) == len(plan.undo_runbooks["rollback-code"])
    assert all(plan.usual[key].rehearsed for key in undone)

    target = load(shop.sandbox.project_file).targets["staging"]
    for task in ("scenarios.errors", "staging.count_rows"):
        executed = [line for line in operator.check("staging", task).log.splitlines() if LINE.match(line)]
        promised = preview(task, {}, target)
        assert len(promised) == len(executed)
        assert promised[:1] == executed[:1]
    assert operator.check("production", "scenarios.load").code == ExitCode.REFUSED, (
        "no load on production, ever"
    )
    staging_sql(shop, f"update orders set customer = '{CUSTOMER}'")
    leaked = operator.check("staging", "staging.mirrors")
    assert leaked.verdict == "fail"
    assert "anonymised orders.customer" in leaked.evidence
    assert CUSTOMER not in leaked.log

    shop.sandbox.down(silent, staging=True)
    text = shop.sandbox.project_file.read_text()
    assert "enabled = false" in text
    for asked in ("staging.verified", "staging.soaked"):
        assert operator.check("production", asked, commit=commit).verdict == "pass"
    asked = text.replace("enabled = false", "enabled = true")
    shop.sandbox.project_file.write_text(asked + '\n[targets.staging]\nurl = "http://127.0.0.1:9"\n')
    for name in ("staging.verified", "staging.soaked"):
        gone = operator.check("production", name, commit=commit)
        assert gone.verdict == "unknown", gone.log
        assert "doesn't answer" in gone.evidence
