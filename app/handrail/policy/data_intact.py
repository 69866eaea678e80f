"""Did a rollback that was rehearsed leave the data as they were? (deployment-workflow.md, "Test Scenarios", 4)"""

from __future__ import annotations

from collections.abc import Mapping


def lost_rows(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """What is missing, in words for each table; visitors of staging may add rows meanwhile."""
    lost = []
    for table, count in sorted(before.items()):
        if table not in after:
            lost.append(f"{table} is gone ({count} rows)")
        elif after[table] < count:
            lost.append(f"{table} lost {count - after[table]} of {count} rows")
    return lost
