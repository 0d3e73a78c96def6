"""Runs in scapy's environment: writes the packets given as JSON on standard input to a capture file."""

import json
import sys

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgWriter, PcapWriter

job = json.load(sys.stdin)
kind = PcapNgWriter if job["format"] == "pcapng" else PcapWriter
writer = kind(job["file"])
for spec in job["packets"]:
    if "raw" in spec:
        packet = Ether(bytes.fromhex(spec["raw"]))
    else:
        network = (IPv6 if ":" in spec["source"] else IP)(src=spec["source"], dst=spec["destination"])
        ports = {"sport": spec["source_port"], "dport": spec["destination_port"]}
        if "flags" in spec:
            transport = TCP(seq=spec["sequence"], ack=spec["acknowledgment"], flags=spec["flags"], **ports)
        else:
            transport = UDP(**ports)
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / network / transport
        packet = packet / bytes.fromhex(spec["payload"])
    packet.time = spec["time_s"]
    writer.write(packet)
writer.close()
