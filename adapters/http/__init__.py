"""Requests to a web server: what was read of a vehicle is told to whoever wants to know it."""
