"""The network under the protocols: bounded portions of what arrives, IPv6 sockets, TLS. Knows no vehicle's protocol."""
