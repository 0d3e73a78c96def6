"""The compiled core, which runs: Python functions (*plans*) generated from a chart and kept for all its machines."""
