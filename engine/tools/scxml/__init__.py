"""SCXML documents → charts of the engine's language. See docs/chart-reference.md, "For imported documents"."""

from engine.tools.scxml.document import Imported, import_file, import_text
from engine.tools.scxml.xml import ImportProblem

__all__ = ["ImportProblem", "Imported", "import_file", "import_text"]
