"""Steps gated by the database's rules are not reached while a rule doesn't hold, whatever is typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from handrail.errors import ExitCode
from handrail.run.state import StepStatus
from sandbox_fixture import Shop, open_shop, sandbox_session

__all__ = ["open_shop", "sandbox_session"]
pytestmark = pytest.mark.e2e
MIGRATE, AFTER = "migrate/migrate", "migrate/after"
GATES = ("database.backed_up", "database.down_rehearsed", "database.atomic")
RUNBOOK = """\
# Small migration
## Migrate
### Migrate
```yaml step
gate: [{gate}]
undo: {{nothing: "it is a file of a test"}}
```
```bash
echo migrated >> migrated
```
### After
```bash
echo after >> after
```
"""
PENDING = {
    "database.backed_up": "ALTER TABLE orders ADD COLUMN n int;",
    "database.down_rehearsed": "ALTER TABLE orders DROP COLUMN coupon;",
    "database.atomic": "CREATE INDEX CONCURRENTLY i ON orders (item);",
}
SAID = {
    "database.backed_up": "this run has made no backup",
    "database.down_rehearsed": "have no way down",
    "database.atomic": "not one transaction",
}


class Place:
    """A production target on the sandbox's database with one pending migration, and an operator at it."""

    def __init__(self, folder: Path, shop: Shop, gate: str) -> None:
        database = shop.target.database
        assert database is not None
        self.gate = gate
        self.project = folder / "project"
        self.checkout = self.project / "checkout"
        self.migrations = self.checkout / "migrations"
        self.migrations.mkdir(parents=True)
        for file in (shop.production / "migrations").glob("*.sql"):
            (self.migrations / file.name).write_text(file.read_text())
        (self.migrations / "1790000000000_next.sql").write_text(PENDING[gate])
        self.runbook = self.project / "small.md"
        self.runbook.write_text(RUNBOOK.format(gate=gate))
        (self.project / "handrail.toml").write_text(
            f'[targets.production]\nproduction = true\ncheckout = "checkout"\nnever_waive = ["{gate}"]\n'
            f'[targets.production.database]\nurl = "{database.url.reveal()}"\n'
            f'programs = "{database.programs}"\n'
        )
        self.desk = Desk(folder, self.project)

    def held(self) -> None:
        """Fail unless the gated step is held or waits, and nothing behind the gate has run."""
        state = self.desk.run()
        assert state.steps[MIGRATE].status in (StepStatus.HELD, StepStatus.PENDING)
        assert state.steps[AFTER].status is StepStatus.PENDING
        assert not state.steps[MIGRATE].waived
        assert {path.name for path in self.checkout.iterdir()} == {"migrations"}


@pytest.fixture(params=GATES)
def place(request: pytest.FixtureRequest, tmp_path: Path, open_shop: Shop) -> Iterator[Place]:
    place = Place(tmp_path, open_shop, request.param)
    yield place
    place.desk.end()


def test_a_rule_of_the_database_holds_the_run_back_whatever_is_typed(place: Place) -> None:
    said = place.desk.auto(place.runbook)
    said.says(SAID[place.gate], f"{place.gate} says fail", code=ExitCode.REFUSED)
    place.held()
    # An earlier run's backup, a record beside the rule's own, a changed project file: none of them counts.
    backups = place.project / "backups"
    backups.mkdir()
    (backups / "production-yesterday.dump").write_bytes(b"PGDMP")
    project = place.project / "handrail.toml"
    project.write_text(project.read_text().replace(f'never_waive = ["{place.gate}"]\n', ""))
    typed = ("retry", "skip in a hurry", "done by hand", f"waive {place.gate} in a hurry", "run", "next")
    said = place.desk.type(*(each for line in typed for each in (line, "wait")))
    said.says(f"Refused: The target never waives {place.gate}.")
    place.held()
