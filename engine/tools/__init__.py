"""What is made of a chart or of its runs: checks, generated tests, mutants, traces, drawings, exports, imports."""
