"""Drawings of charts: statecharts, stations, sequences. Layout by ELK or Graphviz, drawing by our own code."""
