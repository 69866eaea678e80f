"""Error lines: by pattern, in any case, in lines of any bytes, and within a budget of time."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from handrail.clock import ManualClock
from handrail.probes import log as log_module
from handrail.probes.exchange import CanNotAsk
from handrail.probes.log import LogProber, Patterns, TooSlow
from handrail.project.model import Target
from handrail.project.probes import Probe


def prober(paths: Sequence[Path] = (), finds=None, **fields: object) -> LogProber:
    probe = Probe.model_validate({"name": "error lines", "log": {"paths": paths, **fields}})
    return LogProber(Target(), probe, ManualClock(), finds or (lambda: paths))


def write(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_error_lines_are_counted_in_all_files_and_the_last_is_shown(tmp_path: Path) -> None:
    one, other = tmp_path / "out.log", tmp_path / "error.log"
    write(one, b"ERROR before\n")
    write(other, b"")
    looking = prober([one, other])
    assert [each.value for each in looking.look()] == [0]
    write(one, b"fine\nAn Exception\n")
    write(other, b"FATAL: \xff\xfe no more \xc3\nerror")
    (found,) = looking.look()
    assert (found.signal, found.value) == ("error lines", 2)
    assert found.why.startswith("FATAL: \ufffd\ufffd no more")
    write(other, b"\n")
    assert [each.value for each in looking.look()] == [1]
    looking.close()


def test_own_patterns_and_lines_that_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.touch()
    looking = prober([path], patterns=[r"\bpanic\b", "^E "], ignore=["deprecated"])
    looking.look()
    write(path, b"panic\nE x\nE deprecated\nan error\npanicky\n")
    assert [each.value for each in looking.look()] == [2]
    looking.close()


def test_a_file_that_can_not_be_read_is_unknown_and_the_others_count(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.touch()
    looking = prober([path, tmp_path / "absent.log"])
    counted, unknown = looking.look()
    assert (counted.value, unknown.value) == (0, None)
    assert "absent.log can't be read" in unknown.why
    looking.close()
    alone = prober([tmp_path / "absent.log"])
    assert [each.value for each in alone.look()] == [None]


@pytest.mark.parametrize("known", [[], None])
def test_without_any_known_file_it_is_unknown(known: list[Path] | None) -> None:
    def finds() -> list[Path]:
        if known is None:
            raise CanNotAsk("pm2 can't list its processes")
        return known

    (found,) = prober(finds=finds).look()
    assert found.value is None
    assert found.why


def test_patterns_that_take_too_long_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooSlow):
        Patterns(["x"]).found([b"x"] * 100, seconds=-1)
    monkeypatch.setattr(log_module, "SHARE_FOR_PATTERNS", -1)
    path = tmp_path / "app.log"
    path.touch()
    looking = prober([path])
    looking.look()
    write(path, b"error\n")
    assert [each.value for each in looking.look()] == [None]
    looking.close()


def test_only_the_beginning_of_a_line_is_searched() -> None:
    assert Patterns(["error"]).found([b"x" * 3000 + b"error"], 1) == []
