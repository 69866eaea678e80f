"""Which faults there are, how each is written down, and which of them are on now.

`faults/production.json` holds those of the application: an object with a key for each fault that is on: its
name, or, where the same is on for several routes, its name and the route (`errors POST /checkout`).
`preload.cjs` looks at it before each request and five times a second. `run/prometheus.mode` says how the
stand-in for Prometheus answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from handrail.errors import MachineFault, Refused
from handrail.sandbox.layout import Layout

ECOSYSTEM_KNOWS = "PRELOAD"
PROMETHEUS = "prometheus"
WORK = "work"
NAMES = ("errors", "slow", "leak", "crash", "freeze", "hang", PROMETHEUS, WORK)
"""All that can be switched on; `work` isn't a fault but the load that makes `slow` mean something."""

NONSENSE = {
    "html": "answers with a sign-in page",
    "truncated": "answers with half of the JSON",
    "empty": "answers that there is no such series",
    "error": "answers with an error",
    "hang": "never answers",
}
"""How Prometheus' stand-in can answer instead of well."""

Values = Mapping[str, Any]


def words(name: str, values: Values) -> str:
    """One fault in words, for people; `name` as `Faults.active` has it."""
    name = _kind(name)
    try:
        text = _text(name, values)
    except (KeyError, TypeError, ValueError):
        text = f"as somebody wrote it: {json.dumps(values)}"
    only = values.get("only_version")
    return f"{name}: {text}{f', in {only} alone' if only else ''}"


def _kind(key: str) -> str:
    return key.partition(" ")[0]


def _text(name: str, values: Values) -> str:
    route = values.get("route") or "every route"
    match name:
        case "errors":
            return f"{values['rate'] * 100:g} % of the requests to {route} are answered with 500"
        case "slow":
            return f"{route} takes {values['factor']:g} times as long"
        case "work":
            median, sigma = values["median_milliseconds"], values["sigma"]
            return f"each request works {median:g} ms (median), sigma {sigma:g}"
        case "leak":
            return f"each process keeps {values['bytes_per_second'] / 1e6:g} MB more every second"
        case "crash":
            return f"each process ends with an error {values['every_seconds']:g} s after its start"
        case "freeze":
            return f"{'one process' if values.get('processes') == 'one' else 'every process'} stands still"
        case "hang":
            return f"{values['path']} never answers"
        case _:
            return f"the stand-in {NONSENSE[values['answers']]}"


class Faults:
    """The faults of one sandbox's production."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._control = layout.served.faults
        self._mode = layout.prometheus_mode

    def active(self) -> dict[str, Values]:
        """What is on now, by name. Raises `MachineFault` where the control file can't be understood."""
        found: dict[str, Values] = dict(self._written())
        if self._mode.exists() and (mode := self._mode.read_text(encoding="ascii").strip()) != "ok":
            found[PROMETHEUS] = {"answers": mode}
        return found

    def put(self, name: str, values: Values, *, also: bool = False) -> None:
        """Switch a fault on, from the next request on; one of the same name is replaced.

        With `also`, one of the same name on another route stays on. Raises `Refused` where there is no
        sandbox, or one whose releases can't be broken.
        """
        self._refuse_what_cant_be_broken()
        if name == PROMETHEUS:
            self._mode.write_text(f"{values['answers']}\n", encoding="ascii")
            return
        values, route = {key: each for key, each in values.items() if each is not None}, values.get("route")
        kept = {
            key: fault
            for key, fault in self._written().items()
            if _kind(key) != name or (also and fault.get("route") != route)
        }
        key = f"{name} {route or 'every route'}" if any(_kind(each) == name for each in kept) else name
        self._write({**kept, key: values})

    def end(self, names: Iterable[str] = ()) -> list[str]:
        """Switch these off, or all of them but `work`; returns the names of those that were on."""
        on = self.active()
        wanted = set(names) or {_kind(key) for key in on} - {WORK}
        ended = list(dict.fromkeys(_kind(key) for key in on if _kind(key) in wanted))
        if PROMETHEUS in ended:
            self._mode.unlink(missing_ok=True)
        left = {key: values for key, values in on.items() if _kind(key) not in {*ended, PROMETHEUS}}
        if left != self._written():
            self._write(left)
        return ended

    def forget(self) -> None:
        """Switch everything off, whatever the files say."""
        self._control.unlink(missing_ok=True)
        self._mode.unlink(missing_ok=True)

    def _written(self) -> dict[str, Values]:
        try:
            content = json.loads(self._control.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise self._damaged(str(error)) from error
        if not isinstance(content, dict) or not all(isinstance(each, dict) for each in content.values()):
            raise self._damaged("an object of objects is expected")
        return content

    def _damaged(self, why: str) -> MachineFault:
        return MachineFault(
            f"The sandbox's faults in {self._control} can't be understood: {why}.",
            still_safe="the application goes on with the faults that it has read before.",
            next_step=f"delete that file, which ends them all: rm {self._control}",
        )

    def _write(self, faults: Mapping[str, Values]) -> None:
        if not faults:
            self._control.unlink(missing_ok=True)
            return
        # Exchanged as a whole: the application must never read half of it.
        partial = self._control.with_suffix(".partial")
        partial.write_text(json.dumps(faults, indent=2) + "\n", encoding="utf-8")
        partial.replace(self._control)

    def _refuse_what_cant_be_broken(self) -> None:
        layout = self._layout
        if not layout.record.exists():
            raise Refused(
                f"There is no sandbox in {layout.root} to be broken.",
                next_step="bring one up first: handrail sandbox up",
            )
        ecosystem = layout.production / "ecosystem.config.cjs"
        if ecosystem.exists() and ECOSYSTEM_KNOWS not in ecosystem.read_text(encoding="utf-8"):
            raise Refused(
                f"The sandbox in {layout.root} is of an earlier handrail: its releases can't be broken.",
                still_safe="nothing was changed.",
                next_step=f"make a new one: handrail sandbox down, rm -r {layout.root}, handrail sandbox up",
            )
