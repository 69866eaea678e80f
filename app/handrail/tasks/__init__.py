"""The invoke collection that handrail ships.

In a project's own tasks.py, `from handrail.tasks import namespace` gives the whole collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from invoke.collection import Collection

    namespace: Collection


def __getattr__(name: str) -> Any:
    # Made anew at each import, and late: an attempt needs one of its modules, not all of them.
    if name == "namespace":
        from handrail.tasks.collection import shipped  # noqa: PLC0415

        return shipped()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
