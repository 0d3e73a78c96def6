"""A station in a browser: live, or a trace of it. What is shown is made of trace records alone, by the page's own
script, so that a live station, a file and any moment of either are shown alike."""
