"""Coverage as pages to read in a browser: one per chart with its coloured diagram, and an index."""

from __future__ import annotations

import html
import re
from pathlib import Path

from engine.language.load import load
from engine.tools.diagram.draw import draw
from engine.tools.diagram.elk import Elk, LayoutFailed, LayoutUnavailable
from engine.tools.testing.measure import Result

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; margin: 2rem auto; max-width: 1500px; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.sub { color: #52606d; margin-top: 0; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: #52606d; font-weight: 600; }
td, th { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #e4e7eb; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: 13px ui-monospace, monospace; } a { color: #0b69a3; }
.bar { background: #fbd5d5; height: .6rem; border-radius: 3px; width: 12rem; }
.bar div { background: #2f8f4e; height: 100%; border-radius: 3px; }
.bad { color: #b42318; font-weight: 600; } .good { color: #1e7a3c; font-weight: 600; }
.picture { border: 1px solid #cbd2d9; border-radius: 4px; overflow: auto; background: #fff; }
.picture svg { width: 100%; height: auto; display: block; }
.key span { margin-right: 1.5rem; } .key .t { border-bottom: 3px solid #1e7a3c; }
.key .m { border-bottom: 3px dashed #c81e1e; }
[data-cover=taken] .edge { stroke: #1e7a3c; stroke-width: 1.5; } [data-cover=taken] .head { fill: #1e7a3c; }
[data-cover=missed] .edge { stroke: #c81e1e; stroke-width: 2.6; stroke-dasharray: 7 5; }
[data-cover=missed] .head, [data-cover=missed] text { fill: #c81e1e; }
.picture svg text { stroke: none; }
text[data-cover=missed] { fill: #c81e1e; }
"""


def write_report(results: list[Result], folder: Path) -> Path:
    """Write the pages; returns the index. Raises ``OSError`` when the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with Elk() as elk:
            for result in results:
                _write(folder / f"{result.chart}.html", _chart_page(result, _picture(result, elk)))
    except LayoutUnavailable as error:
        for result in results:
            _write(folder / f"{result.chart}.html", _chart_page(result, f"<p>No diagram: {_text(str(error))}</p>"))
    index = folder / "index.html"
    _write(index, _index(results))
    return index


def coloured(svg: str, taken: dict[str, int]) -> str:
    """The drawing with every transition marked ``data-cover="taken"`` or ``"missed"``."""

    def mark(match: re.Match[str]) -> str:
        transition = html.unescape(match.group(1))
        if transition not in taken:
            return match.group(0)
        return f'{match.group(0)} data-cover="{"taken" if taken[transition] else "missed"}"'

    body = svg[svg.index("<svg") :].replace("<a href=", "<a data-href=")  # the pages stand elsewhere
    return re.sub(r'data-transition="([^"]*)"', mark, body)


def _picture(result: Result, elk: Elk) -> str:
    try:
        drawing = draw(load(result.file), "full", elk)
    except LayoutFailed as error:
        return f"<p>No diagram: {_text(str(error))}</p>"
    key = '<p class="key"><span class="t">taken</span><span class="m">not taken</span></p>'
    sheets = "".join(f'<div class="picture">{coloured(svg, result.taken)}</div>' for svg in drawing.svgs)
    return key + sheets


def _chart_page(result: Result, picture: str) -> str:
    parts = [
        f"<h1>{_text(result.chart)}</h1>",
        f'<p class="sub"><a href="index.html">all charts</a> · {_text(result.file)} · model '
        f'<code data-model="{result.model}">{result.model[:12]}</code> · {_text(result.origin)}</p>',
        f"<p>{_share(result)}</p>",
        "<h2>Not taken</h2>",
        _missing(result),
        *_pairs(result),
    ]
    for title, texts, style in (("Problems", result.problems, ' class="bad"'), ("Notes", result.notes, "")):
        if texts:
            items = "".join(f"<li{style}><code>{_text(text)}</code></li>" for text in texts)
            parts += [f"<h2>{title}</h2>", f"<ul>{items}</ul>"]
    parts += ["<h2>Diagram</h2>", picture, "<h2>Transitions</h2>", _counts(result)]
    if result.paths:
        items = "".join(f"<li><code>{_text(path)}</code></li>" for path in result.paths)
        parts += [f"<h2>Paths</h2><details><summary>{len(result.paths)} paths</summary><ol>{items}</ol></details>"]
    return _page(f"{result.chart}: coverage", "\n".join(parts))


def _missing(result: Result) -> str:
    if not result.missing:
        return '<p class="good">Every transition is taken.</p>'
    rows = "".join(
        f"<tr><td><code>{_text(m.transition)}</code></td><td>{'impossible' if m.proved else 'not taken'}</td>"
        f"<td>{_text(m.reason)}</td><td><code>{_text(m.place)}</code></td></tr>"
        for m in result.missing
    )
    return f"<table><tr><th>transition</th><th></th><th>reason</th><th>place</th></tr>{rows}</table>"


def _pairs(result: Result) -> list[str]:
    pairs = result.pairs
    if pairs is None:
        return []
    rows = [("taken", pairs.taken), ("possible, not taken", len(pairs.missing))]
    rows += [(f"impossible: {reason}", count) for reason, count in pairs.impossible.items()]
    body = "".join(f'<tr><td>{_text(title)}</td><td class="number">{count}</td></tr>' for title, count in rows)
    parts = ["<h2>Pairs of consecutive transitions</h2>", f"<table>{body}</table>"]
    if pairs.missing:
        items = "".join(
            f"<li><code>{_text(first)}</code>, then <code>{_text(second)}</code></li>"
            for first, second in pairs.missing
        )
        parts += ["<p>Not taken; nothing says they are impossible:</p>", f"<ul>{items}</ul>"]
    return parts


def _counts(result: Result) -> str:
    rows = "".join(
        f'<tr><td><code>{_text(name)}</code></td><td class="number {"good" if count else "bad"}">{count}</td></tr>'
        for name, count in result.taken.items()
    )
    return f'<table><tr><th>transition</th><th class="number">times taken</th></tr>{rows}</table>'


def _index(results: list[Result]) -> str:
    rows = []
    for result in results:
        total = len(result.taken)
        part = 100 * result.covered / total if total else 100
        state = "good" if not result.missing and not result.problems else "bad"
        rows.append(
            f'<tr><td><a href="{_text(result.chart)}.html">{_text(result.chart)}</a></td>'
            f'<td class="number {state}">{result.covered} of {total}</td>'
            f'<td><div class="bar"><div style="width:{part:.1f}%"></div></div></td>'
            f'<td class="number">{len(result.paths) or ""}</td><td class="number">{len(result.problems)}</td>'
            f"<td>{_text(result.origin)}</td></tr>"
        )
    head = (
        '<tr><th>chart</th><th class="number">transitions taken</th><th></th><th class="number">paths</th>'
        '<th class="number">problems</th><th>by</th></tr>'
    )
    return _page("Coverage", f"<h1>Coverage</h1><table>{head}{''.join(rows)}</table>")


def _share(result: Result) -> str:
    pairs = f", {result.pairs.taken} of {result.pairs.possible} pairs" if result.pairs is not None else ""
    return f"{result.covered} of {len(result.taken)} transitions taken{pairs}, {len(result.problems)} problems."


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _text(text: str) -> str:
    return html.escape(text)
