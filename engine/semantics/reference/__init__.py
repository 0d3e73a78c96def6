"""The reference: W3C SCXML 1.0, Appendix A, written literally. Slow; the oracle of the compiled core."""

from engine.semantics.reference.interpreter import Interpreter

__all__ = ["Interpreter"]
