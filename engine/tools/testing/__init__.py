"""Tests generated from a chart: paths that take every transition, with checks that do not merely repeat the model."""
