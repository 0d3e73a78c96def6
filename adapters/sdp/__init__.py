"""SECC discovery (SDP): how a vehicle finds the address of the station's V2G server."""
