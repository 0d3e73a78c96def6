"""The meaning of a step: its record, the algorithm of SCXML Appendix A as written, and the compiled core. Imports the
language."""
