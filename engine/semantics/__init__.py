"""What a step of a chart means: the record of a step, Appendix A as written, and compiled. Imports the language."""
