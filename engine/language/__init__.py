"""A chart as data, and the way from text to it. Imports nothing else of the engine."""
