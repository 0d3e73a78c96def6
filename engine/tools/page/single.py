"""A trace with the page around it, in one file that needs nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from engine.language.model import Chart
from engine.run.station.words import Words, words_in
from engine.tools.page.charts import chart_key, chart_values
from engine.tools.page.drawings import drawn
from engine.tools.page.files import LANGUAGES, text_of
from engine.tools.page.results import results
from engine.tools.trace.reader import Record, Trace, TraceError

MOST: Final = 200_000
"""Records of a page: a browser has to hold them all."""
_POLICY: Final = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:\">"
)


def document(trace: Trace, charts: Sequence[Chart], words: Words) -> str:
    """The file's text. ``charts``: those of the trace that are as they were; of others a tree of states is shown.
    ``words``: what people read in place of names.
    Raises ``TraceError`` for more than :data:`MOST` records."""
    if len(trace.records) > MOST:
        raise TraceError(f"{trace.file}: {len(trace.records)} records; a page shows {MOST}: choose a part with --to")
    known = {chart_key(chart): chart for chart in charts}
    ran = {record["text_hash"][:16] for record in trace.records if record.get("cause") == "start"}
    told: dict[str, Any] = {
        "header": trace.header,
        "charts": {key: chart_values(chart) for key, chart in known.items() if key in ran},
        "drawings": {key: drawn(chart) for key, chart in known.items() if key in ran},
        "results": results(trace, known),
        "own": {language: json.loads(text_of(f"{language}.json")) for language in LANGUAGES},
        "words": {language: words_in(words, language) for language in ("en", *LANGUAGES)},
        "records": [_lean(record) for record in trace.records],
    }
    data = json.dumps(told, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    page = text_of("page.html").replace("<title>", f"{_POLICY}\n<title>", 1)
    page = page.replace('<link rel="stylesheet" href="page.css">', f"<style>{text_of('page.css')}</style>")
    page = page.replace("<!--data-->", f'<script type="application/json" id="recorded">{data}</script>')
    return re.sub(r'<script src="(\w+\.js)"></script>', lambda found: f"<script>{text_of(found[1])}</script>", page)


def _lean(record: Record) -> Record:
    """A record without what the page does not read."""
    return {name: value for name, value in record.items() if name not in ("session", "microsteps")}
