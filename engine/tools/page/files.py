"""The page's own files: plain HTML, CSS and JavaScript, nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "web"
SCRIPTS: Final = (
    "texts.js",
    "model.js",
    "curves.js",
    "drawing.js",
    "messages.js",
    "panels.js",
    "settings.js",
    "page.js",
)
LANGUAGES: Final = ("de",)
"""Those of the page's own words beside English, which the scripts have."""
FILES: Final = {
    "page.html": "text/html",
    "page.css": "text/css",
    **dict.fromkeys(SCRIPTS, "text/javascript"),
    **{f"{language}.json": "application/json" for language in LANGUAGES},
}
"""By name, their media types."""


@cache
def text_of(name: str) -> str:
    """A file's text."""
    return (FOLDER / name).read_text(encoding="utf-8")
