"""A chart as data, and the loader that makes it from text. Imports nothing else of the engine."""
