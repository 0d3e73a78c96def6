"""Writes vectors.json: one frame of each message as scapy and pyslac build it. Run by hand when a peer is updated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.slac.peer_names import PYSLAC_READS, SCAPY_READS
from tests.slac.peers import FramePeer

EV, EVSE = "0217aabbccdd", "02e5e0000001"
FIELDS: dict[str, Any] = {
    "destination": EVSE,
    "source": EV,
    "application_type": 0,
    "security_type": 0,
    "run_id": "1122334455667788",
    "msound_target": "ff" * 6,
    "num_sounds": 10,
    "time_out": 6,
    "resp_type": 1,
    "forwarding_sta": EV,
    "sender_id": "57" * 17,
    "cnt": 9,
    "rnd": "000102030405060708090a0b0c0d0e0f",
    "pev_mac": EV,
    "evse_mac": EVSE,
    "source_address": EV,
    "source_id": "41" * 17,
    "resp_id": "42" * 17,
    "pev_id": "43" * 17,
    "evse_id": "44" * 17,
    "aag": bytes(range(1, 59)).hex(),
    "result": 1,
    "nid": "026bcba5354e08",
    "nmk": "b59319d7e8157ba001b018669ccee30d",
    "new_key": "b59319d7e8157ba001b018669ccee30d",
    "key_type": 1,
    "my_nonce": "aaaaaaaa",
    "your_nonce": "00000000",
    "pid": 4,
    "pmn": 0,
    "cco_capability": 0,
    "new_eks": 1,
    "status": 0,
    "device_id": 7,
    "version": "MAC-QCA7005-1.2.5".ljust(64, "-"),
}


def main() -> None:
    vectors = []
    for name, known in (("scapy", SCAPY_READS), ("pyslac", PYSLAC_READS)):
        with FramePeer(name) as peer:
            for message, (readable, _) in sorted(known.items()):
                if name == "pyslac" and message in ("CM_SET_KEY.CNF", "CM_SLAC_MATCH.REQ"):
                    continue  # pyslac cannot build the first and packs the second's MVFLength big endian
                fields = {field: FIELDS[field] for field in ("destination", "source", *readable)}
                frame = peer.build(message, fields).hex()
                vectors.append({"peer": name, "message": message, "fields": fields, "frame": frame})
            if name == "pyslac":
                fields = {field: FIELDS[field] for field in ("destination", "source", "nid", "new_key", "my_nonce")}
                frame = peer.build("CM_SET_KEY.REQ", fields).hex()
                vectors.append({"peer": name, "message": "CM_SET_KEY.REQ", "fields": fields, "frame": frame})
    Path(__file__).with_name("vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")


main()
