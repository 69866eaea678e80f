"""The two writers: well-formed whatever a run holds, no address elsewhere, nothing taken for markup."""

from __future__ import annotations

import functools
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from handrail.reports.page.html import POLICY, html
from handrail.reports.page.markdown import markdown
from handrail.reports.page.report import RunReport
from handrail.reports.page.source import LogTail
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.actors import Actor
from handrail.run.plan import Emergency
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow
from reported import ReportedWalk, in_time, log, report_of, too_late, window_tallies
from walk import Walk, attest, gate, smoke, task, undo

VOID = {"meta"}
ONCE_VOID = {"line", "rect", "polyline", "path"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></details><img src=x onerror=alert(1)>",
    "]]> --> <!-- &lt; &#x3c;",
    "a | b || c \\| d",
    "`code` ```` ``",
    "[x](javascript:alert(1)) ![y](https://evil.invalid/z.png) <https://evil.invalid>",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00 \x9b1m",
    "\u202edesrever\u200b \ufeff",
    "# heading",
    "1. one",
    "- item",
    "**bold** __under__ ~~gone~~ snake_case_name",
    "'\"><style>*{display:none}</style>",
    "line one\n\n## line two\n| a |\r\n---",
    "@import url(http://evil.invalid/x.css)",
]


class Reader(HTMLParser):
    """Reads a page strictly: every element closed in order, everything seen kept."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs) -> None:
        assert tag in ONCE_VOID, tag
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def hostile(text: str) -> RunReport:
    """A run in which every place that a person or a program can write into holds this text."""
    who = Actor(user=text, host=text, session="screen-9")
    signal = Signal(name=text, kind=SignalKind.OUTCOMES, source=text, unit=text)
    steps = (
        attest("agree", section=text, title=text),
        task(
            "build",
            section=text,
            title=text,
            arguments={"x": text, text: [text]},
            undo=undo("build"),
            gate=(gate("suite.passed"), gate(text)),
        ),
        smoke(title=text),
    )
    emergency = Emergency(incident=text, on_call=text, skipped={"staging.soaked": text})
    walk = Walk(
        *steps,
        title=text,
        runbook=text,
        parameters={"feature": text, "ref": text},
        digests={text: text},
        emergency=emergency,
        signals=(signal,),
    )
    walk.do(c.Attest(step="agree", holds=True, note=text))
    walk.start("build")
    walk.end(1, evidence=text)
    walk._take([e.CheckWaived(step="build", check=text, by=who, reason=text)])
    walk.do(c.WaiveCheck(step="build", check="suite.passed", reason=f"why {text}"))
    walk.start("build")
    walk.end(0, facts={text: text, "previous_release": text}, evidence=text, left_behind=(text,), log_bytes=5)
    window = window_tallies(1)["visitors"].model_copy(update={"why": text})
    walk._take(
        [w.SignalsSampled(windows=(SignalWindow(start=walk.clock.now(), seconds=5, tallies={text: window}),))]
    )
    walk._take(
        [
            w.SignalJudged(
                judgement=Judgement(signal=text, verdict=SignalVerdict.BAD, because=text, effect=text)
            )
        ]
    )
    walk.start("smoke")
    walk.end(1, evidence=text)
    walk._take([e.NoteAdded(by=who, text=text), e.ControlChanged(operator=who, reason=text, granted=False)])
    walk._take([e.FilesChanged(files=(e.FileChange(path=text, difference=text),))])
    tails = {number: LogTail(tuple(text.split("\n")), 99, whole=True) for number in walk.state.attempts}
    return report_of(walk, tails, damage=(text,), unread_secrets=(text,))


REPORTS = {
    "in time": lambda: report_of(in_time()),
    "too late": lambda: report_of(too_late()),
    "just opened": lambda: report_of(ReportedWalk()),
    "in the watch": lambda: report_of(ReportedWalk().deployed()),
    **{f"hostile {n}": lambda text=text: hostile(text) for n, text in enumerate(HOSTILE)},
}


@functools.cache
def page_of(name: str) -> str:
    return html(REPORTS[name]())


@functools.cache
def markdown_of(name: str) -> str:
    return markdown(REPORTS[name]())


each_report = pytest.mark.parametrize("name", REPORTS)


@each_report
def test_the_page_is_well_formed_and_points_nowhere_else(name: str) -> None:
    reader = read(page_of(name))
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "base", "form", "image", "use"}
    for tag, attributes in reader.tags:
        assert not {
            name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")
        }
        if "href" in attributes:
            assert tag == "a"
            assert re.fullmatch(r"#part-\d+", attributes["href"] or "")
        assert "url(" not in (attributes.get("style") or "")
    policies = [a["content"] for t, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [POLICY] == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


@each_report
def test_the_page_can_be_read_without_seeing_it(name: str) -> None:
    reader = read(page_of(name))
    assert reader.headings[0] == 1
    assert reader.headings.count(1) == 1
    for before, after in zip(reader.headings, reader.headings[1:], strict=False):
        assert after <= before + 1
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in reader.tags:
        for named in (attributes.get("aria-labelledby") or "").split():
            assert named in ids
        if tag == "th":
            assert attributes["scope"] == "col"
        if tag == "svg":
            assert attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"
    tags = [tag for tag, _ in reader.tags]
    pictures = [a for t, a in reader.tags if t == "svg" and a.get("role") == "img"]
    assert tags.count("desc") == len(pictures)
    assert ("html", {"lang": "en"}) in reader.tags


@each_report
def test_no_control_character_is_left(name: str) -> None:
    for text in (page_of(name), markdown_of(name)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufeff]", text)


@each_report
def test_markdown_stays_text(name: str) -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False})
    tokens = parser.parse(markdown_of(name))
    assert [t.content.strip() for t in tokens if t.type == "html_block"] == ["<!-- handrail report run-1 -->"]
    columns = 0
    cells = 0
    for token in tokens:
        for child in token.children or []:
            assert child.type not in ("html_inline", "link_open", "image", "em_open", "s_open")
        match token.type:
            case "thead_open":
                columns = 0
            case "th_open":
                columns += 1
            case "tr_open":
                cells = 0
            case "td_open":
                cells += 1
            case "tr_close":
                assert cells in (0, columns)


@each_report
def test_markdown_has_the_sections_and_rows_of_the_page(name: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown_of(name))
    reader = read(page_of(name))
    tags = [tag for tag, _ in reader.tags]
    assert sum(token.type == "heading_open" for token in tokens) == len(reader.headings)
    assert sum(token.type == "tr_open" for token in tokens) == tags.count("tr")
    fences = sum(token.type == "fence" for token in tokens)
    assert fences == tags.count("figure") + tags.count("pre")


def test_hostile_text_is_shown_as_it_is() -> None:
    page = html(hostile("<script>alert('|`')</script>"))
    assert "<script" not in page
    assert "<script>alert('|`')</script>" in "".join(read(page).text)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown(hostile("a | `b` <c> _d_ &amp; *e*")))
    shown = {child.content for token in tokens for child in token.children or [] if child.type == "text"}
    assert any("a | `b` <c> _d_ &amp; *e*" in text for text in shown)


def test_every_tone_has_a_sign_beside_its_colour() -> None:
    page = html(report_of(in_time()))
    for tone, sign in (("good", "✓"), ("warning", "!"), ("bad", "✗"), ("plain", "·")):
        marks = re.findall(
            rf'<span class="mark {tone}"><span class="sign" aria-hidden="true">(.)</span>', page
        )
        assert marks
        assert set(marks) == {sign}


def test_a_chart_holds_every_point_and_its_values_stand_beside_it() -> None:
    page = html(report_of(in_time()))
    reader = read(page)
    lines = [a["points"] for t, a in reader.tags if t == "polyline"]
    assert len(lines) >= 6
    for points in lines:
        for pair in (points or "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= 1000
            assert 0 <= y <= 100
    assert "Values of visitors time" in "".join(reader.text)


def test_a_log_with_fences_does_not_end_its_own() -> None:
    walk = Walk(task("a"))
    walk.run("a")
    lines = ("```", "# no heading", "````", "</pre>", "")
    text = markdown(report_of(walk, {1: LogTail(lines, 30, whole=True)}))
    [fence] = [t for t in MarkdownIt().parse(text) if t.type == "fence"]
    assert fence.content.split("\n")[:-1] == list(lines)


def test_the_same_run_is_written_the_same_way_twice() -> None:
    assert html(report_of(in_time())) == html(
        report_of(in_time(), {n: log(n) for n in in_time().state.attempts})
    )


def test_a_pipe_in_a_code_span_does_not_end_its_cell() -> None:
    check = "a|b `c` \\| d"
    walk = Walk(task("build", gate=(gate(check),)))
    walk.run("build")
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown(report_of(walk)))
    shown = [
        child.content for token in tokens for child in token.children or [] if child.type == "code_inline"
    ]
    assert check.replace("\\|", "|") in [text.replace("\\|", "|") for text in shown]
