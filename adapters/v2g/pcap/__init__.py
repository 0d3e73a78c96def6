"""``python -m adapters.v2g pcap FILE``: a captured charging session, decoded."""

from adapters.v2g.pcap.command import add_parser
from adapters.v2g.pcap.session import Entry, read

__all__ = ["Entry", "add_parser", "read"]
