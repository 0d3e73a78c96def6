"""Runs in a peer's environment (scapy or pyslac): builds and parses SLAC frames with the peer's own classes.

One JSON object per line on stdin, one on stdout. Field names are those of adapters.slac.frames; octet strings are hex.
"""

import json
import sys
import time

MAC_FIELDS = {"msound_target", "forwarding_sta", "pev_mac", "source_address", "evse_mac"}
ID_FIELDS = {"sender_id", "source_id", "resp_id", "pev_id", "evse_id"}

# message -> {our field: peer's field}, in the peer's words
SCAPY = {
    "CM_SET_KEY.REQ": (
        "CM_SET_KEY_REQ",
        {
            "key_type": "KeyType",
            "my_nonce": "MyNonce",
            "your_nonce": "YourNonce",
            "pid": "PID",
            "pmn": "ProtoMessNumber",
            "cco_capability": "CCoCapability",
            "nid": "NetworkID",
            "new_eks": "NewEncKeySelect",
            "new_key": "NewKey",
        },
    ),
    "CM_SET_KEY.CNF": (
        "CM_SET_KEY_CNF",
        {
            "result": "Result",
            "my_nonce": "MyNonce",
            "your_nonce": "YourNonce",
            "pid": "PID",
            "pmn": "ProtoMessNumber",
            "cco_capability": "CCoCapability",
        },
    ),
    "CM_SLAC_PARM.REQ": (
        "CM_SLAC_PARM_REQ",
        {"application_type": "ApplicationType", "security_type": "SecurityType", "run_id": "RunID"},
    ),
    "CM_SLAC_PARM.CNF": (
        "CM_SLAC_PARM_CNF",
        {
            "msound_target": "MSoundTargetMAC",
            "num_sounds": "NumberMSounds",
            "time_out": "TimeOut",
            "resp_type": "ResponseType",
            "forwarding_sta": "ForwardingSTA",
            "application_type": "ApplicationType",
            "security_type": "SecurityType",
            "run_id": "RunID",
        },
    ),
    "CM_START_ATTEN_CHAR.IND": (
        "CM_START_ATTEN_CHAR_IND",
        {
            "application_type": "ApplicationType",
            "security_type": "SecurityType",
            "num_sounds": "NumberOfSounds",
            "time_out": "TimeOut",
            "resp_type": "ResponseType",
            "forwarding_sta": "ForwardingSTA",
            "run_id": "RunID",
        },
    ),
    "CM_MNBC_SOUND.IND": (
        "CM_MNBC_SOUND_IND",
        {
            "application_type": "ApplicationType",
            "security_type": "SecurityType",
            "sender_id": "SenderID",
            "cnt": "Countdown",
            "run_id": "RunID",
            "rnd": "RandomValue",
        },
    ),
    "CM_ATTEN_PROFILE.IND": (
        "CM_ATTENUATION_CHARACTERISTICS_MME",
        {"pev_mac": "EVMACAddress", "aag": "Groups"},
    ),
    "CM_ATTEN_CHAR.IND": (
        "CM_ATTEN_CHAR_IND",
        {
            "application_type": "ApplicationType",
            "security_type": "SecurityType",
            "source_address": "SourceAdress",
            "run_id": "RunID",
            "source_id": "SourceID",
            "resp_id": "ResponseID",
            "num_sounds": "NumberOfSounds",
            "aag": "Groups",
        },
    ),
    "CM_ATTEN_CHAR.RSP": (
        "CM_ATTEN_CHAR_RSP",
        {
            "application_type": "ApplicationType",
            "security_type": "SecurityType",
            "source_address": "SourceAdress",
            "run_id": "RunID",
            "source_id": "SourceID",
            "resp_id": "ResponseID",
            "result": "Result",
        },
    ),
    "CM_SLAC_MATCH.REQ": (
        "CM_SLAC_MATCH_REQ",
        {
            "application_type": "ApplicationType",
            "security_type": "SecurityType",
            "pev_id": "EVID",
            "pev_mac": "EVMAC",
            "evse_id": "EVSEID",
            "evse_mac": "EVSEMAC",
            "run_id": "RunID",
        },
    ),
    "CM_SLAC_MATCH.CNF": (
        "CM_SLAC_MATCH_CNF",
        {
            "application_type": "ApplicationType",
            "security_type": "SecurityType",
            "pev_id": "EVID",
            "pev_mac": "EVMAC",
            "evse_id": "EVSEID",
            "evse_mac": "EVSEMAC",
            "run_id": "RunID",
            "nid": "NetworkID",
            "nmk": "NMK",
        },
    ),
    "VS_SW_VER.CNF": ("GetDeviceVersion", {"status": "Status", "device_id": "DeviceID", "version": "DeviceVersion"}),
}

PYSLAC = {
    "CM_SET_KEY.REQ": ("SetKeyReq", 0x6008, ["nid", "new_key"]),
    "CM_SLAC_PARM.REQ": ("SlacParmReq", 0x6064, ["application_type", "security_type", "run_id"]),
    "CM_SLAC_PARM.CNF": (
        "SlacParmCnf",
        0x6065,
        ["msound_target", "num_sounds", "time_out", "resp_type", "forwarding_sta", "application_type",
         "security_type", "run_id"],
    ),
    "CM_START_ATTEN_CHAR.IND": (
        "StartAtennChar",
        0x606A,
        ["application_type", "security_type", "num_sounds", "time_out", "resp_type", "forwarding_sta", "run_id"],
    ),
    "CM_MNBC_SOUND.IND": (
        "MnbcSound",
        0x6076,
        ["application_type", "security_type", "sender_id", "cnt", "run_id", "rnd"],
    ),
    "CM_ATTEN_PROFILE.IND": ("AttenProfile", 0x6086, ["pev_mac", "aag"]),
    "CM_ATTEN_CHAR.IND": (
        "AtennChar",
        0x606E,
        ["application_type", "security_type", "source_address", "run_id", "source_id", "resp_id", "num_sounds", "aag"],
    ),
    "CM_ATTEN_CHAR.RSP": (
        "AtennCharRsp",
        0x606F,
        ["application_type", "security_type", "source_address", "run_id", "source_id", "resp_id", "result"],
    ),
    "CM_SLAC_MATCH.REQ": (
        "MatchReq",
        0x607C,
        ["application_type", "security_type", "pev_id", "pev_mac", "evse_id", "evse_mac", "run_id"],
    ),
    "CM_SLAC_MATCH.CNF": (
        "MatchCnf",
        0x607D,
        ["application_type", "security_type", "pev_id", "pev_mac", "evse_id", "evse_mac", "run_id", "nid", "nmk"],
    ),
    "CM_SET_KEY.CNF": ("SetKeyCnf", 0x6009, ["result", "my_nonce", "your_nonce"]),
}  # fmt: skip


class Scapy:
    def __init__(self):
        from scapy.contrib import homeplugav, homepluggp
        from scapy.layers.l2 import Ether

        self.ether, self.av, self.gp = Ether, homeplugav, homepluggp

    def layer(self, message):
        name, names = SCAPY[message]
        return getattr(self.gp, name, None) or getattr(self.av, name), names

    def build(self, message, fields):
        layer, names = self.layer(message)
        vendor = message.startswith("VS_")
        values = {}
        for ours, theirs in names.items():
            value = fields[ours]
            if ours in MAC_FIELDS:
                value = ":".join(value[i : i + 2] for i in range(0, 12, 2))
            elif ours == "aag":
                value = [self.gp.HPGP_GROUP(group=level) for level in bytes.fromhex(value)]
            elif ours in ("my_nonce", "your_nonce"):
                value = int(value, 16)
            elif ours == "version":  # scapy counts 1 for any text and pads with a default of 64 octets
                value = value.encode("latin-1")
                values.update(VersionLen=len(value), DeviceVersion_pad=bytes(64 - len(value)))
            elif isinstance(value, str):
                value = bytes.fromhex(value)
            values[theirs] = value
        if message.startswith("CM_SLAC_MATCH"):
            outer = {theirs: values.pop(theirs) for theirs in ("ApplicationType", "SecurityType")}
            inner = self.gp.SLAC_varfield if message.endswith("REQ") else self.gp.SLAC_varfield_cnf
            values = {**outer, "VariableField": inner(**values)}
        mac = {key: ":".join(fields[key][i : i + 2] for i in range(0, 12, 2)) for key in ("destination", "source")}
        head = self.ether(dst=mac["destination"], src=mac["source"]) / self.av.HomePlugAV(version=0 if vendor else 1)
        return bytes(head / layer(**values))

    def parse(self, message, frame):
        layer, names = self.layer(message)
        packet = self.ether(frame)
        found = packet[layer]
        fields = {"destination": packet.dst.replace(":", ""), "source": packet.src.replace(":", "")}
        for ours, theirs in names.items():
            holder = found
            if message.startswith("CM_SLAC_MATCH") and ours not in ("application_type", "security_type"):
                holder = found.VariableField
            value = getattr(holder, theirs)
            if ours in MAC_FIELDS:
                value = value.replace(":", "")
            elif ours == "aag":
                value = bytes(group.group for group in value).hex()
            elif ours in ("my_nonce", "your_nonce"):
                value = f"{value:08x}"
            elif ours == "version":
                value = value.decode("latin-1")
            elif isinstance(value, bytes):
                value = value.hex()
            fields[ours] = value
        return fields


class Pyslac:
    def __init__(self):
        from pyslac import layer_2_headers, messages

        self.messages, self.headers = messages, layer_2_headers

    def build(self, message, fields):
        name, mmtype, names = PYSLAC[message]
        values = {}
        for ours in names:
            value = fields[ours]
            if ours in ID_FIELDS or ours == "rnd":
                value = int(value, 16)
            elif ours == "aag":
                value = list(bytes.fromhex(value))
                values["num_groups"] = len(value)
            elif isinstance(value, str):
                value = bytes.fromhex(value)
            values[ours] = value
        payload = getattr(self.messages, name)(**values).pack_big()
        ether = self.headers.EthernetHeader(bytes.fromhex(fields["destination"]), bytes.fromhex(fields["source"]))
        return ether.pack_big() + self.headers.HomePlugHeader(mmtype).pack_big() + bytes(payload)

    def parse(self, message, frame):
        name, mmtype, names = PYSLAC[message]
        ether = self.headers.EthernetHeader.from_bytes(frame)
        header = self.headers.HomePlugHeader.from_bytes(frame)
        if header.mm_type != mmtype:
            raise ValueError(f"MMTYPE {header.mm_type:#x}")
        found = getattr(self.messages, name).from_bytes(frame)
        fields = {"destination": ether.dst_mac.hex(), "source": ether.src_mac.hex()}
        for ours in names:
            value = getattr(found, ours)
            if ours in ID_FIELDS:
                value = f"{value:034x}"
            elif ours == "rnd":
                value = f"{value:032x}"
            elif ours == "aag":
                value = bytes(value).hex()
            elif isinstance(value, (bytes, bytearray)):
                value = value.hex()
            fields[ours] = value
        return fields


def answer(peer, question):
    if question["op"] == "build":
        return {"frame": peer.build(question["message"], question["fields"]).hex()}
    frame = bytes.fromhex(question["frame"])
    if question["op"] == "parse":
        return {"fields": peer.parse(question["message"], frame)}
    rounds = question["rounds"]
    fields = peer.parse(question["message"], frame)
    start = time.process_time()
    for _ in range(rounds):
        peer.parse(question["message"], frame)
    middle = time.process_time()
    for _ in range(rounds):
        peer.build(question["message"], fields)
    end = time.process_time()
    return {"parse": (middle - start) / rounds, "build": (end - middle) / rounds}


def main():
    peer = Scapy() if sys.argv[1] == "scapy" else Pyslac()
    for line in sys.stdin:
        try:
            result = answer(peer, json.loads(line))
        except Exception as error:  # the test on the other side turns it into a failure
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


main()
