"""Tests generated from a chart: paths that take every transition, checked by what the model does not merely restate."""
