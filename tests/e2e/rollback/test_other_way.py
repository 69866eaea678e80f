"""A rollback whose way down fails: the backup is restored in its place, and what was served is again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from handrail.errors import ExitCode
from handrail.run.state import Phase, StepStatus
from sandbox_fixture import Shop
from waiting import wait_for

pytestmark = pytest.mark.e2e
MIGRATE, RESTORE = "undo/deploy/migrate", "undo/restore-database/restore/restore-the-backup"
DEPLOY = """\
---
target: production
---
# Small deployment
## Deploy
### Check out
```yaml step
task: git.checkout
with: {ref: v1.4.0}
undo: {runbook: rollback-code, with: {release: "${facts.previous_release}"}}
```
### Build
```yaml step
task: node.build
undo: {runbook: rollback-code, with: {release: "${facts.previous_release}"}}
```
### Pending
```yaml step
check: database.pending
```
### Back up
```yaml step
task: database.backup
undo: {nothing: "a backup is kept"}
```
### Migrate
```yaml step
task: database.migrate
undo:
  task: database.migrate_down
  with: {to: "${facts.schema_before}"}
  when: "${facts.destructive}"
  otherwise:
    runbook: restore-database
    with: {backup: "${facts.backup}", sha256: "${facts.backup_sha256}"}
irreversible: "the schema comes back, not the data"
irreversible_when: "${facts.destructive}"
```
### Restart
```yaml step
task: pm2.reload
undo: {runbook: rollback-code, with: {release: "${facts.previous_release}"}}
```
### Served
```yaml step
check: app.serves
with: {version: v9.9.9}
on_failure: immediate
```
"""


@pytest.fixture
def rows(open_shop: Shop) -> Iterator[Shop]:
    """The shop with one order that has a coupon; the databases that restores keep are dropped."""
    shop = open_shop
    shop.sql("insert into orders (item, quantity, cents, coupon) values ('vase', 1, 900, 'SPRING')")
    yield shop
    kept = shop.sql("select datname from pg_database where datname ~ '_before_restore_'").split()
    for name in kept:
        shop.sql(f'drop database "{name}" with (force)')


def late(shop: Shop) -> str:
    return shop.sql("select count(*) from orders where item = 'late'")


@pytest.mark.long
def test_the_backup_is_restored_where_the_way_down_fails(desk: Desk, rows: Shop, tmp_path: Path) -> None:
    shop = rows
    book = tmp_path / "small.md"
    book.write_text(DEPLOY)
    desk.auto(book).says("Served failed", code=ExitCode.FAILED_OR_ROLLED_BACK)
    assert shop.version() == "1.4.0"
    shop.sql("insert into orders (item, quantity, cents) select 'late', 1, 1 from generate_series(1, 7)")
    shop.sql("alter table orders add column coupon text")

    said = desk.call("rollback", "--confirm", "production")
    said.says(
        "if it fails: Restore the database",
        "Undo: Migrate failed",
        "(another way is offered, for a person to take: Restore the database)",
        code=ExitCode.FAILED_OR_ROLLED_BACK,
    )
    assert desk.step(MIGRATE).status is StepStatus.FAILED
    assert late(shop) == "7", "a way down that failed has changed nothing"

    looked = desk.type("help", "otherwise staging", "otherwise production", "wait")
    looked.says(
        "Or another way, by `otherwise production`: Restore the database",
        "> retry, otherwise production, skip REASON",
        "Type the target's name, production, to take the other way.",
        "Say whether it holds: Whoever answers for this data knows which rows will be lost, and agrees.",
        code=ExitCode.DETACHED,
    )
    lost = re.search(r"public\.orders: (\d+) rows written since", looked.text)
    assert lost is not None, looked.text
    assert int(lost[1]) >= 7
    assert desk.step(RESTORE).status is StepStatus.PENDING, "nothing is restored before a person agrees"
    assert late(shop) == "7"

    desk.type("yes the shop's owner enters them again", "wait").says(
        "Passed: Restore the backup",
        "Passed: The previous release is served",
        "The run is rolled back",
        code=ExitCode.FAILED_OR_ROLLED_BACK,
    )
    state = desk.run()
    assert state.phase is Phase.ROLLED_BACK
    assert state.steps[MIGRATE].status is StepStatus.REPLACED
    assert list(state.steps).index(RESTORE) < list(state.steps).index(
        "undo/rollback-code/roll-the-code-back/check-out-the-previous-release"
    )
    assert (shop.version(), late(shop)) == ("1.2.3", "0")
    assert shop.sql("select coupon from orders where item = 'vase'") == "SPRING"
    assert shop.get("/checkout").status_code == 200
    desk.nothing_lost()

    # The command that the rollback showed does the same in a run of its own, whatever happened meanwhile.
    shop.sql("insert into orders (item, quantity, cents) values ('late', 1, 1)")
    [line] = [line for line in said.out.splitlines() if line.strip().startswith("handrail run")]
    command = shlex.split(line)[1:]
    alone = desk.call(*command, "--plain", typed="run\nwait\nyes it is an exercise\nrun\nwait\nrun\nwait\n")
    alone.says("Passed: The database answers", "The run is finished", code=ExitCode.FINISHED)
    assert late(shop) == "0"
    assert desk.run().plan.runbook == "restore-database"
    wait_for(lambda: shop.get("/healthz", past_proxy=True).status_code == 200, "the application's pool")
    desk.nothing_lost()
