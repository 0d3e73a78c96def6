"""Tools over a chart or its runs: checks, generated tests, mutants, traces, drawings, exports, imports."""
