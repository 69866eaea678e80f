"""The application's database: what is pending, a proven backup, migrating, rehearsing, the ways back."""

from handrail.tasks.database.asking import ask, database_of
from handrail.tasks.database.backing_up import backed_up, backup
from handrail.tasks.database.changing import (
    applied,
    atomic,
    migrate,
    migrate_down,
    pending,
    reachable,
)
from handrail.tasks.database.rehearsing import down_rehearsed, rehearse
from handrail.tasks.database.restoring import loss, restore

__all__ = [
    "applied",
    "ask",
    "atomic",
    "backed_up",
    "backup",
    "database_of",
    "down_rehearsed",
    "loss",
    "migrate",
    "migrate_down",
    "pending",
    "reachable",
    "rehearse",
    "restore",
]
