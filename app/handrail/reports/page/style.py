"""The page's style sheet: quiet, for a screen of any width, for the dark and for paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fbfbf9; --card: #ffffff; --text: #1d2630; --quiet: #5b6672; --line: #dfe3e6; --soft: #f1f3f3;
  --good: #1c6b3c; --warning: #8a5300; --bad: #ab1f1f; --unknown: #5a4a8a;
  --good-soft: #e6f3ea; --warning-soft: #fbf0dc; --bad-soft: #fbe6e4; --unknown-soft: #ece8f6;
  --first: #1f5fa6; --second: #a8520a; --banner: #a11a1a; --banner-text: #ffffff;
  --baseline-span: #5b667222; --watch-span: #1f5fa61c; --blind: #5a4a8a55; --late: #ab1f1f1f;
}
@media (prefers-color-scheme: dark) {
  :root {
  --page: #14181c; --card: #1b2026; --text: #e4e8eb; --quiet: #a0abb5; --line: #333c45;
  --soft: #232a31;
    --good: #7ccf9a; --warning: #f0bd6a; --bad: #ff9d94; --unknown: #c3b3f2;
    --good-soft: #1c3325; --warning-soft: #3a2e16; --bad-soft: #43211f; --unknown-soft: #2d2742;
    --first: #7db7f5; --second: #f0a765; --banner: #c43a34; --banner-text: #ffffff;
    --baseline-span: #a0abb526; --watch-span: #7db7f51f; --blind: #c3b3f255; --late: #ff9d9426;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; padding: 0 1rem 4rem; background: var(--page); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
header, main { max-width: 62rem; margin: 0 auto; }
header { padding: 2rem 0 0; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .6rem 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .8rem; }
h3 { font-size: 1.1rem; line-height: 1.35; margin: 2rem 0 .5rem; }
h4 { font-size: 1rem; line-height: 1.4; margin: 1.4rem 0 .4rem; }
h1, h2, h3, h4, p, li, dd { overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 46rem; }
ul { margin: .5rem 0; padding-left: 1.3rem; }
a { color: var(--first); }
code, pre {
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  font-size: .86em;
}
.where, .result { margin: 0; }
.banner {
  display: inline-block; padding: .15rem .7rem; border-radius: .3rem; font-weight: 650;
  border: 1px solid var(--line); background: var(--soft);
}
.banner.bad {
  background: var(--banner); color: var(--banner-text); border-color: var(--banner);
  letter-spacing: .02em;
}
.result .mark { font-size: 1.05rem; }
nav ul {
  list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; margin: 1rem 0 0;
  font-size: .92rem;
}
section.level-2 {
  background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.3rem 1.5rem 1.5rem;
  margin: 1.2rem 0;
}
section.level-4 { border-top: 1px solid var(--line); margin-top: 1.1rem; }
section.level-4 > h4 { margin-top: .8rem; }
.mark {
  display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-weight: 600; font-size: .87em;
  white-space: nowrap;
  background: var(--soft); color: var(--text);
}
h2 .mark, h3 .mark, h4 .mark { font-size: .8rem; vertical-align: .1em; margin-left: .3rem; }
dd .mark { white-space: normal; }
.mark.good { background: var(--good-soft); color: var(--good); }
.mark.warning { background: var(--warning-soft); color: var(--warning); }
.mark.bad { background: var(--bad-soft); color: var(--bad); }
.mark.unknown { background: var(--unknown-soft); color: var(--unknown); }
.note {
  padding: .5rem .8rem; border-left: .28rem solid var(--line); border-radius: .2rem;
  background: var(--soft);
}
.note .sign { font-weight: 700; }
.note.good { border-color: var(--good); background: var(--good-soft); }
.note.warning { border-color: var(--warning); background: var(--warning-soft); }
.note.bad { border-color: var(--bad); background: var(--bad-soft); }
.note.unknown { border-color: var(--unknown); background: var(--unknown-soft); }
dl {
  display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.2rem;
  margin: .7rem 0;
}
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); font-size: .88rem; padding-bottom: .3rem; }
th {
  text-align: left; font-weight: 600; color: var(--quiet); border-bottom: 1px solid var(--line);
  white-space: nowrap;
}
th, td { padding: .35rem .9rem .35rem 0; vertical-align: top; }
td { border-bottom: 1px solid var(--line); overflow-wrap: break-word; max-width: 34rem; }
tbody tr:last-child td { border-bottom: 0; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--quiet); font-size: .92rem; overflow-wrap: anywhere; }
pre {
  margin: .5rem 0; padding: .8rem 1rem; background: var(--soft); border-radius: .35rem; overflow-x: auto;
  line-height: 1.45; max-height: 32rem;
}
figure { margin: 1rem 0; }
figcaption { color: var(--quiet); font-size: .88rem; margin-bottom: .3rem; }
svg { display: block; }
svg line, svg polyline { vector-effect: non-scaling-stroke; }
.chart { display: grid; grid-template-columns: 5.4rem 1fr; }
.values { position: relative; grid-row: 1; margin-bottom: 0; height: 11rem; align-self: end; }
.values span {
  position: absolute; right: .6rem; transform: translateY(-50%); font-size: .78rem;
  color: var(--quiet); white-space: nowrap;
}
.plot { position: relative; grid-row: 1; grid-column: 2; }
.field { width: 100%; height: 11rem; background: var(--card); overflow: visible; }
.times { position: relative; grid-column: 2; height: 1.5rem; }
.times span {
  position: absolute; transform: translateX(-50%); font-size: .78rem; color: var(--quiet);
  padding-top: .2rem; white-space: nowrap;
}
.letters { position: relative; }
.letters span {
  position: absolute; transform: translateX(-50%); font-size: .72rem; line-height: 16px;
  height: 16px; min-width: 16px;
  text-align: center; border-radius: 3px; background: var(--text); color: var(--card); font-weight: 650;
}
.span-label {
  position: absolute; bottom: 9.6rem; padding: 0 .35rem; font-size: .74rem; color: var(--quiet);
  overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; pointer-events: none;
}
.grid { stroke: var(--line); stroke-width: 1; }
.moment { stroke: var(--text); stroke-width: 1; stroke-dasharray: 2 3; opacity: .75; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.curve.first { stroke: var(--first); }
.curve.second { stroke: var(--second); stroke-dasharray: 7 4; }
.level { stroke-width: 1.6; }
.level.baseline { stroke: var(--quiet); stroke-dasharray: 10 4 2 4; }
.level.threshold { stroke: var(--bad); stroke-dasharray: 4 4; }
.span.baseline { fill: var(--baseline-span); }
.span.watch { fill: var(--watch-span); }
.blind { fill: var(--blind); }
.late { fill: var(--late); }
.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.2rem; padding: 0;
  margin: .3rem 0 0; font-size: .84rem;
  color: var(--quiet);
}
.legend li { display: flex; align-items: center; gap: .45rem; }
.key { width: 30px; height: 10px; flex: none; }
.rows { position: relative; }
.bars { width: 100%; height: 100%; background: var(--soft); border-radius: .3rem; }
.bar-label {
  position: absolute; font-size: .8rem; line-height: 18px; padding: 0 .35rem; white-space: nowrap;
  overflow: hidden;
  text-overflow: ellipsis; max-width: 58%;
}
.bar { fill: var(--first); }
.bar.good { fill: var(--good); }
.bar.bad { fill: var(--bad); }
.bar.warning { fill: var(--warning); }
.bar.unknown { fill: var(--unknown); }
.deadline { stroke: var(--bad); stroke-width: 3; }
@media (max-width: 40rem) {
  body { padding: 0 .6rem 3rem; }
  header { padding-top: 1.1rem; }
  h1 { font-size: 1.5rem; }
  section.level-2 { padding: 1rem .9rem 1.1rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
  .chart { grid-template-columns: 3.9rem 1fr; }
  .values span { right: .35rem; font-size: .72rem; }
  .field, .values { height: 9rem; }
  .span-label { bottom: 7.6rem; }
}
@media print {
  :root {
    --page: #fff; --card: #fff; --text: #000; --quiet: #444; --line: #bbb; --soft: #f3f3f3;
    --good: #1c6b3c; --warning: #8a5300; --bad: #ab1f1f; --unknown: #5a4a8a;
    --good-soft: #fff; --warning-soft: #fff; --bad-soft: #fff; --unknown-soft: #fff;
    --first: #1f5fa6; --second: #a8520a;
  }
  body { font-size: 10.5pt; padding: 0; }
  nav { display: none; }
  section.level-2 { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .8rem 0; }
  h2, h3, h4 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
  .scroll { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
