"""Drawings of charts: statecharts, stations, sequences. Layout by ELK, drawing by our own code."""
