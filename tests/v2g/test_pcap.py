"""Captured sessions: an engineer with a trace of a failed charge must see every message, however messy the capture."""

from __future__ import annotations

import gzip
import io
import json
import random
import signal
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import v2gtp
from adapters.sdp.messages import SdpRequest, SdpResponse, Security
from adapters.sdp.messages import encode as encode_sdp
from adapters.slac.frames import BROADCAST, CmSlacParmReq
from adapters.v2g import codec
from adapters.v2g.__main__ import main
from adapters.v2g.pcap import Entry, read
from adapters.v2g.pcap.container import CaptureError, KeyLog, Packet, packets
from adapters.v2g.pcap.listing import Listing
from adapters.v2g.pcap.network import (
    ETHERNET,
    LINUX_SLL,
    LINUX_SLL2,
    MAX_PENDING_BYTES,
    RAW_IP,
    Endpoint,
    Segment,
    Stream,
)
from adapters.v2g.pcap.tls import parse_key_log
from adapters.v2gtp import PayloadType
from tests.slac.peers import PeerUnavailable, peer_python
from tests.v2g.tls_flow import Turn, flow

EVCC, SECC = "fe80::1", "fe80::2"
EVCC_PORT, SECC_PORT = 51000, 61000


def iso2(session: str, name: str, body: dict[str, Any]) -> bytes:
    view = {"V2G_Message": {"Header": {"SessionID": session}, "Body": {name: body}}}
    return v2gtp.encode(PayloadType.SAP, codec.encode(codec.from_json("iso2", view), protocol="iso2"))


def sap(view: dict[str, Any]) -> bytes:
    return v2gtp.encode(PayloadType.SAP, codec.encode(codec.from_json("sap", view), protocol="sap"))


@pytest.fixture(scope="module")
def turns() -> list[Turn]:
    """A short ISO 15118-2 session, DIN offered first and declined."""
    offers = [
        {
            "ProtocolNamespace": space,
            "VersionNumberMajor": 2,
            "VersionNumberMinor": 0,
            "SchemaID": number,
            "Priority": number + 1,
        }
        for number, space in enumerate(["urn:din:70121:2012:MsgDef", "urn:iso:15118:2:2013:MsgDef"])
    ]
    session = "3031323334353637"
    found = [
        (True, sap({"supportedAppProtocolReq": {"AppProtocol": offers}})),
        (False, sap({"supportedAppProtocolRes": {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 1}})),
        (True, iso2("00", "SessionSetupReq", {"EVCCID": "020000000001"})),
        (False, iso2(session, "SessionSetupRes", {"ResponseCode": "OK", "EVSEID": "DE*ABC*E1"})),
    ]
    for _ in range(3):
        found.append((True, iso2(session, "AuthorizationReq", {})))
        found.append((False, iso2(session, "AuthorizationRes", {"ResponseCode": "OK", "EVSEProcessing": "Ongoing"})))
    found.append((True, iso2(session, "SessionStopReq", {"ChargingSession": "Terminate"})))
    found.append((False, iso2(session, "SessionStopRes", {"ResponseCode": "OK"})))
    return found


NAMES = [
    "supportedAppProtocolReq",
    "supportedAppProtocolRes",
    "SessionSetupReq",
    "SessionSetupRes",
    *["AuthorizationReq", "AuthorizationRes"] * 3,
    "SessionStopReq",
    "SessionStopRes",
]


def tcp(
    time_s: float, from_evcc: bool, sequence: int, acknowledgment: int, flags: str, payload: bytes = b""
) -> dict[str, Any]:
    ends = (EVCC, EVCC_PORT, SECC, SECC_PORT) if from_evcc else (SECC, SECC_PORT, EVCC, EVCC_PORT)
    return {
        "time_s": time_s,
        "source": ends[0],
        "source_port": ends[1],
        "destination": ends[2],
        "destination_port": ends[3],
        "sequence": sequence & 0xFFFF_FFFF,
        "acknowledgment": acknowledgment & 0xFFFF_FFFF,
        "flags": flags,
        "payload": payload.hex(),
    }


def conversation(turns: list[Turn], size: int = 1400) -> list[dict[str, Any]]:
    """TCP packets of a clean connection; the EVCC's sequence numbers wrap around."""
    sequences = {True: 0xFFFF_FFF0, False: 1000}
    made = [tcp(1.0, True, sequences[True], 0, "S"), tcp(1.001, False, sequences[False], sequences[True] + 1, "SA")]
    sequences = {side: start + 1 for side, start in sequences.items()}
    time_s = 1.01
    for from_evcc, data in turns:
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            made.append(tcp(time_s, from_evcc, sequences[from_evcc], sequences[not from_evcc], "PA", piece))
            sequences[from_evcc] += len(piece)
            time_s += 0.001
        time_s += 0.01
    made.append(tcp(time_s, True, sequences[True], sequences[False], "FA"))
    return made


def discovery() -> list[dict[str, Any]]:
    slac = CmSlacParmReq(BROADCAST, bytes.fromhex("020000000001"), bytes(8)).encode()
    request = {"source": EVCC, "source_port": 50000, "destination": "ff02::1", "destination_port": 15118}
    response = {"source": SECC, "source_port": 15118, "destination": EVCC, "destination_port": 50000}
    answer = SdpResponse(IPv6Address(SECC), SECC_PORT, Security.NONE)
    return [
        {"time_s": 0.0, "raw": slac.hex()},
        {"time_s": 0.5, "payload": encode_sdp(SdpRequest(Security.NONE)).hex(), **request},
        {"time_s": 0.6, "payload": encode_sdp(answer).hex(), **response},
    ]


def written_by_scapy(directory: Path, specs: list[dict[str, Any]], kind: str) -> Path:
    """A capture file made by a foreign writer."""
    try:
        python = peer_python("scapy")
    except PeerUnavailable as reason:
        pytest.skip(f"scapy not available: {reason}")
    target = directory / f"session.{kind}"
    job = json.dumps({"file": str(target), "format": kind, "packets": specs})
    script = Path(__file__).parent / "pcap_peer.py"
    run = subprocess.run([str(python), str(script)], input=job, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return target


def listing(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return list(read(packets(file)))


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_whole_session_is_listed(kind: str, turns: list[Turn], tmp_path: Path) -> None:
    """SLAC, SDP, handshake and session, from files of both formats; ISO 15118-2 because the handshake chose it."""
    entries = listing(written_by_scapy(tmp_path, discovery() + conversation(turns), kind))
    assert [entry.protocol for entry in entries[:3]] == ["slac", "sdp", "sdp"]
    assert entries[0].name == "CM_SLAC_PARM.REQ"
    assert entries[2].content["port"] == SECC_PORT
    assert [entry.name for entry in entries[3:]] == [*NAMES, "FIN"]
    assert {entry.protocol for entry in entries[5:-1]} == {"iso2"}
    setup = entries[6].content["V2G_Message"]["Body"]["SessionSetupRes"]
    assert setup == {"ResponseCode": "OK", "EVSEID": "DE*ABC*E1"}
    assert entries[5].source == f"[{EVCC}]:{EVCC_PORT}"
    assert entries[3].time_s == pytest.approx(1.01, abs=1e-5)


def messy(specs: list[dict[str, Any]], source: random.Random) -> list[dict[str, Any]]:
    """Retransmissions, overlaps and reordering within a window, as a lossy power line makes them."""
    result: list[dict[str, Any]] = []
    for spec in specs:
        result.append(spec)
        payload = bytes.fromhex(spec["payload"])
        if len(payload) > 1 and source.random() < 0.3:
            half = source.randrange(1, len(payload))
            result.append({**spec, "payload": payload[:half].hex()})
        if result[-1]["payload"] and source.random() < 0.2:
            result.append(source.choice(result[2:] or result))
    for index in range(2, len(result) - 2):
        if source.random() < 0.3:
            result[index], result[index + 1] = result[index + 1], result[index]
    return [{**spec, "time_s": 1 + 0.001 * index} for index, spec in enumerate(result)]


@pytest.mark.parametrize("seed", range(5))
def test_retransmissions_and_reordering_lose_and_double_nothing(seed: int, turns: list[Turn], tmp_path: Path) -> None:
    """7-byte segments, sent twice, overlapping and out of order: the same messages, each once."""
    specs = messy(conversation(turns, size=7), random.Random(seed))
    entries = listing(written_by_scapy(tmp_path, specs, "pcap"))
    for from_evcc, end in ((True, EVCC), (False, SECC)):
        names = [entry.name for entry in entries if entry.source.startswith(f"[{end}]") and entry.protocol != "tcp"]
        assert names == [name for name, turn in zip(NAMES, turns, strict=True) if turn[0] == from_evcc]


def test_a_lost_segment_is_named_and_the_rest_is_listed(turns: list[Turn], tmp_path: Path) -> None:
    """A capture with a hole says so, and shows what came after the hole."""
    specs = conversation(turns)
    dropped = next(index for index, spec in enumerate(specs) if spec["payload"] == turns[4][1].hex())
    entries = listing(written_by_scapy(tmp_path, specs[:dropped] + specs[dropped + 1 :], "pcap"))
    names = [entry.name for entry in entries]
    assert names.count("AuthorizationReq") == 2
    assert "SessionStopReq" in names
    (gap,) = [entry for entry in entries if entry.name == "gap"]
    assert f"{len(turns[4][1])} bytes" in gap.content["error"]


def handshake(namespace: str) -> list[Turn]:
    """A supportedAppProtocol exchange that chooses `namespace` as SchemaID 7."""
    offer = {"VersionNumberMajor": 1, "VersionNumberMinor": 0, "SchemaID": 7, "Priority": 1}
    request = {"AppProtocol": [{"ProtocolNamespace": namespace, **offer}]}
    response = {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 7}
    return [
        (True, sap({"supportedAppProtocolReq": request})),
        (False, sap({"supportedAppProtocolRes": response})),
    ]


def captured_names(turns: list[Turn]) -> list[tuple[str, str]]:
    return [(entry.protocol, entry.name) for entry in read(captured(conversation(turns))) if entry.protocol != "tcp"]


def test_din_is_taken_from_the_handshake() -> None:
    """The same bytes mean other things in DIN SPEC 70121 and ISO 15118-2: only the handshake tells."""
    view = {"V2G_Message": {"Header": {"SessionID": "00"}, "Body": {"SessionSetupReq": {"EVCCID": "020000000001"}}}}
    message = v2gtp.encode(PayloadType.SAP, codec.encode(codec.from_json("din", view), protocol="din"))
    turns = [*handshake("urn:din:70121:2012:MsgDef"), (True, message)]
    assert captured_names(turns)[2] == ("din", "SessionSetupReq")


def test_messages_of_20_carry_their_schema() -> None:
    """ISO 15118-20: common and DC messages in one session, side streams too, junk payloads named."""
    header = {"SessionID": "3031323334353637", "TimeStamp": 1700000000}
    stop = {"SessionStopReq": {"Header": header, "ChargingSession": "Pause"}}
    common = codec.encode(codec.from_json("iso20", stop))
    check = {"DC_CableCheckReq": {"Header": header}}
    dc = codec.encode(codec.from_json("iso20-dc", check))
    turns = [
        *handshake("urn:iso:std:iso:15118:-20:DC"),
        (True, v2gtp.encode(PayloadType.DC_MAINSTREAM, dc)),
        (True, b"\x01\xfe\xa0\x00\x00\x00\x00\x02ab"),
        (True, v2gtp.encode(PayloadType.SCHEDULE_RENEGOTIATION, common)),
        (True, v2gtp.encode(PayloadType.MAINSTREAM, common[:-4])),
        (True, v2gtp.encode(PayloadType.MAINSTREAM, common)),
        (True, b"GET / HTTP"),
    ]
    assert captured_names(turns)[2:] == [
        ("iso20-dc", "DC_CableCheckReq"),
        ("v2gtp", "unknown payload"),
        ("iso20", "SessionStopReq"),
        ("v2gtp", "MAINSTREAM"),
        ("iso20", "SessionStopReq"),
        ("v2gtp", "bad stream"),
    ]


def captured(specs: list[dict[str, Any]]) -> list[Packet]:
    return [Packet(spec["time_s"], RAW_IP, raw_ip(spec)) for spec in specs]


def test_messages_behind_a_hole_keep_their_time_and_order(turns: list[Turn]) -> None:
    """One packet that the sniffer missed must not push the rest of the session to the end of the listing."""
    specs = conversation(turns)
    missed = next(index for index, spec in enumerate(specs) if spec["payload"] == turns[4][1].hex())
    kept = specs[:missed] + specs[missed + 1 :]
    entries = list(read(captured(kept)))
    assert [entry.name for entry in entries] == [*NAMES[:4], NAMES[5], "gap", *NAMES[6:], "FIN"]
    times = [spec["time_s"] - 1.0 for spec in kept if spec["payload"]]
    assert [entry.time_s for entry in entries if entry.name in NAMES] == pytest.approx(times)


def test_a_hole_within_a_message_costs_that_message_only(turns: list[Turn]) -> None:
    """A message of many segments with one missing: the next one is found by its header."""
    specs = conversation(turns, size=10)
    (missed, *_) = [index for index, spec in enumerate(specs) if spec["payload"] == turns[2][1][10:20].hex()]
    names = [entry.name for entry in read(captured(specs[:missed] + specs[missed + 1 :]))]
    assert names == [*NAMES[:2], "gap", *NAMES[3:], "FIN"]


def test_a_capture_that_begins_within_a_message_goes_on_with_the_next(turns: list[Turn]) -> None:
    """tcpdump started in the middle of a session, and of a message; the station's answer came first."""
    specs = conversation(turns, size=10)
    start = next(index for index, spec in enumerate(specs) if spec["payload"] == turns[3][1][10:20].hex())
    entries = list(read(captured(specs[start:])))
    assert [entry.name for entry in entries] == [*NAMES[4:], "FIN"]
    assert [entry.sender for entry in entries[:2]] == ["EVCC", "SECC"]
    assert entries[0].source == f"[{EVCC}]:{EVCC_PORT}"


@pytest.mark.parametrize("namespace", ["urn:maker:din:2018:MsgDef", "urn:din:70121:2012:MsgDef"])
def test_a_handshake_that_does_not_tell_the_protocol(namespace: str) -> None:
    """A namespace of a manufacturer's own, or an answer without the one SchemaID there is: the messages are tried."""
    view = {"V2G_Message": {"Header": {"SessionID": "00"}, "Body": {"SessionSetupReq": {"EVCCID": "020000000001"}}}}
    message = v2gtp.encode(PayloadType.SAP, codec.encode(codec.from_json("din", view), protocol="din"))
    request, _ = handshake(namespace)
    answer = (False, sap({"supportedAppProtocolRes": {"ResponseCode": "OK_SuccessfulNegotiation"}}))
    assert captured_names([request, answer, (True, message)])[2][1] == "SessionSetupReq"


def test_a_syn_that_is_repeated_late_and_ports_that_are_used_again(turns: list[Turn]) -> None:
    """Neither loses a message; a new connection on the old ports is one also where the old one's start was missed."""
    specs = conversation(turns)
    late = [*specs[:5], {**specs[0], "time_s": specs[4]["time_s"]}, *specs[5:]]
    assert [entry.name for entry in read(captured(late))] == [*NAMES, "FIN"]
    again = [
        {**spec, "time_s": spec["time_s"] + 10, "sequence": (spec["sequence"] + 5000) & 0xFFFF_FFFF} for spec in specs
    ]
    for spec in again[1:]:
        spec["acknowledgment"] = (spec["acknowledgment"] + 5000) & 0xFFFF_FFFF
    names = [entry.name for entry in read(captured(specs[4:] + again))]
    assert names == [*NAMES[2:], "FIN", *NAMES, "FIN"]


def test_slac_in_vlan_and_cooked_captures() -> None:
    """A trunk port, or tcpdump -i any: SLAC frames are found there as well."""
    frame = CmSlacParmReq(BROADCAST, bytes.fromhex("020000000001"), bytes(8)).encode()
    tagged = frame[:12] + b"\x81\x00\x00\x05" + frame[12:]
    cooked = b"\0\1\0\1\0\6" + frame[6:12] + b"\0\0" + frame[12:]
    cooked_2 = frame[12:14] + b"\0\0\0\0\0\2\0\1\1\6" + frame[6:12] + b"\0\0" + frame[14:]
    packets_ = [Packet(0.0, ETHERNET, tagged), Packet(0.0, LINUX_SLL, cooked), Packet(0.0, LINUX_SLL2, cooked_2)]
    for entry in read(packets_):
        assert (entry.name, entry.sender) == ("CM_SLAC_PARM.REQ", "EVCC")
        assert (entry.source, entry.destination) == ("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")


def test_many_segments_out_of_order_take_little_time_and_memory() -> None:
    """A hostile capture of small segments that never connect: bounded memory, no quadratic time."""
    ends = Endpoint(IPv6Address(EVCC), 1), Endpoint(IPv6Address(SECC), 2)
    stream = Stream()
    stream.receive(Segment(*ends, 0, 2, b""))
    tracemalloc.start()
    for place in range(100_000):
        stream.receive(Segment(*ends, 1000 + 2 * place, 16, b"x"))
        if stream.is_full:
            stream.skip_gap()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MAX_PENDING_BYTES


def test_capture_that_begins_after_the_handshake(turns: list[Turn], tmp_path: Path) -> None:
    """tcpdump started too late: ISO 15118-2 is found by trying."""
    entries = listing(written_by_scapy(tmp_path, conversation(turns[2:])[2:], "pcap"))
    assert [entry.name for entry in entries] == [*NAMES[2:], "FIN"]


SUITES = [
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA256 mac first",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
]


@pytest.mark.parametrize("suite", SUITES)
def test_tls_is_decrypted_with_the_key_log(suite: str, turns: list[Turn], tmp_path: Path) -> None:
    """Plug and Charge runs over TLS: with the key log the messages are seen as without TLS, in any segmentation."""
    sent, log = flow(suite, turns, tmp_path)
    specs = conversation(sent, size=50)
    packets_ = captured(specs)
    entries = [entry for entry in read(packets_, parse_key_log(log)) if entry.protocol != "tcp"]
    assert [entry.name for entry in entries[1:]] == NAMES
    assert entries[0].protocol == "tls"
    assert ("1.3" if suite.startswith("TLS_") else "1.2") in entries[0].name
    in_file: list[Packet | KeyLog] = [KeyLog(log), *packets_]
    assert [entry.name for entry in read(in_file) if entry.protocol != "tcp"] == [entry.name for entry in entries]
    refusal = [entry for entry in read(packets_) if entry.protocol != "tcp"][-1]
    assert "no key log is given" in refusal.content["error"]
    wrong = "\n".join(line[:-8] + "00000000" for line in log.splitlines())
    refusal = [entry for entry in read(packets_, parse_key_log(wrong)) if entry.protocol != "tcp"][-1]
    assert "does not decrypt" in refusal.content["error"]


def raw_ip(spec: dict[str, Any]) -> bytes:
    """A raw IPv6 packet, spelled out by hand."""
    payload = bytes.fromhex(spec["payload"])
    flags = sum({"F": 1, "S": 2, "P": 8, "A": 16}[flag] for flag in spec["flags"])
    numbers = spec["sequence"], spec["acknowledgment"]
    header = struct.pack("!HHIIBBHHH", spec["source_port"], spec["destination_port"], *numbers, 0x50, flags, 8192, 0, 0)
    ip = struct.pack("!IHBB", 6 << 28, len(header) + len(payload), 6, 64)
    return ip + IPv6Address(spec["source"]).packed + IPv6Address(spec["destination"]).packed + header + payload


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=120), st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_stream_gives_back_what_was_sent(data: bytes, start: int, source: random.Random) -> None:
    """Any segmentation with any overlap, any order, any sequence number: the bytes come out once, in order."""
    ends = Endpoint(IPv6Address(EVCC), 1), Endpoint(IPv6Address(SECC), 2)
    stream = Stream()
    stream.receive(Segment(*ends, start, 2, b""))
    segments = [(index, source.randrange(1, 20)) for index in range(0, len(data), 1)]
    source.shuffle(segments)
    out = b""
    for index, size in segments:
        sequence = (start + 1 + index) & 0xFFFF_FFFF
        out += stream.receive(Segment(*ends, sequence, 16, data[index : index + size]))
    assert out == data


def mutated(original: bytes, source: random.Random) -> Iterator[bytes]:
    for _ in range(150):
        changed = bytearray(original)
        for _ in range(source.randrange(1, 6)):
            changed[source.randrange(len(changed))] = source.randrange(256)
        yield bytes(changed[: source.randrange(len(changed))] if source.random() < 0.3 else changed)


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_damaged_captures_are_an_error_never_a_crash(kind: str, turns: list[Turn], tmp_path: Path) -> None:
    """A capture from an unknown source may hold anything: entries or a CaptureError, nothing else."""
    original = written_by_scapy(tmp_path, discovery() + conversation(turns, size=30), kind).read_bytes()
    damaged = 0
    for data in mutated(original, random.Random(7)):
        try:
            for entry in read(packets(io.BytesIO(data))):
                json.dumps(entry.content)
        except CaptureError:
            damaged += 1
    assert damaged > 0
    with pytest.raises(CaptureError, match="no pcap"):
        list(packets(io.BytesIO(b"PK\x03\x04")))


def test_random_frames_never_raise() -> None:
    """Junk on the wire, junk in the listing, no traceback."""
    source = random.Random(3)
    junk = [Packet(0.0, ETHERNET, source.randbytes(source.randrange(80))) for _ in range(500)]
    typed = [
        Packet(0.0, ETHERNET, bytes(12) + kind + source.randbytes(source.randrange(80)))
        for kind in (b"\x86\xdd", b"\x08\x00", b"\x88\xe1", b"\x81\x00")
        for _ in range(200)
    ]
    for entry in read(junk + typed):
        assert json.dumps(entry.content)


def test_command_line(turns: list[Turn], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command shows a session, as text and as JSON Lines; a missing or wrong file is named with exit code 1."""
    path = written_by_scapy(tmp_path, discovery() + conversation(turns), "pcapng")
    assert main(["pcap", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + 1 + len(NAMES) + 1
    assert lines[3].split() == ["1", "vehicle", f"[{EVCC}]:{EVCC_PORT},", "station", f"[{SECC}]:{SECC_PORT}"]
    assert "SessionSetupRes" in lines[7]
    assert main(["pcap", str(path), "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["name"] for each in objects[3:-1]] == NAMES
    assert main(["pcap", str(tmp_path / "none.pcap")]) == 1
    assert "none.pcap" in capsys.readouterr().err
    (tmp_path / "text.pcap").write_text("hello")
    assert main(["pcap", str(tmp_path / "text.pcap")]) == 1
    assert "no pcap" in capsys.readouterr().err


def test_the_listing_says_what_matters_first(turns: list[Turn]) -> None:
    """Who sends, how long the answer took, the ResponseCode, values with units; the ends named once."""
    demand = {
        "DC_EVStatus": {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 42},
        "EVTargetCurrent": {"Multiplier": -1, "Unit": "A", "Value": 1255},
        "ChargingComplete": False,
        "EVTargetVoltage": {"Multiplier": 0, "Unit": "V", "Value": 400},
    }
    session = "3031323334353637"
    refusal = {"ResponseCode": "FAILED_UnknownSession", "EVSEProcessing": "Finished"}
    more = [(True, iso2(session, "CurrentDemandReq", demand)), (False, iso2(session, "AuthorizationRes", refusal))]
    listing = Listing()
    lines = [line for entry in read(captured(conversation(turns[:4] + more))) for line in listing.lines(entry)]
    assert lines[0].endswith(f"vehicle [{EVCC}]:{EVCC_PORT}, station [{SECC}]:{SECC_PORT}")
    assert " 1→ sap " in lines[1]
    assert lines[4].endswith(f"11.0 ms  1← iso2  SessionSetupRes             OK EVSEID=DE*ABC*E1 SessionID={session}")
    assert lines[5].endswith(
        "CurrentDemandReq            EVTargetCurrent=125.5 A EVTargetVoltage=400 V EVRESSSOC=42 EVReady=true "
        "EVErrorCode=NO_ERROR ChargingComplete=false"
    )
    assert lines[6].endswith("FAILED_UnknownSession EVSEProcessing=Finished")
    coloured = Listing(width=60, is_coloured=True)
    short = [line for entry in read(captured(conversation(turns[:4] + more))) for line in coloured.lines(entry)]
    assert "\x1b[1;31mFAILED_" in short[6]
    assert "\x1b[1;31m" not in short[4]
    plain = Listing(width=60)
    for entry in read(captured(conversation(turns[:4] + more))):
        assert all(len(line) <= 60 for line in plain.lines(entry))


def test_text_of_a_message_cannot_steer_the_terminal() -> None:
    """Strings come from outside: control characters and lone surrogates are shown, not sent."""
    entry = Entry(0.0, "a", "b", "EVCC", "v2gtp", "SAP", {"error": "\x1b[2Jx\x9b\u202e\ud800"})
    (_, line) = Listing().lines(entry)
    assert line.endswith("\\u001b[2Jx\\u009b\\u202e\\ud800")
    line.encode()


def test_any_document_is_listed() -> None:
    """A peer may send any global element as a document, also one that is plain text."""
    key_name = codec.encode(codec.Element("KeyName", "x", "iso2"))
    turns = [*handshake("urn:iso:15118:2:2013:MsgDef"), (True, v2gtp.encode(PayloadType.SAP, key_name))]
    entries = list(read(captured(conversation(turns))))
    listing = Listing()
    assert [line for entry in entries for line in listing.lines(entry)][3].endswith(
        "KeyName                     KeyName=x"
    )


def pcap_file(specs: list[dict[str, Any]], link_type: int = RAW_IP) -> bytes:
    """A big-endian capture with nanoseconds, spelled out by hand."""
    made = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link_type)
    for spec in specs:
        data = raw_ip(spec)
        seconds, fraction = divmod(round(spec["time_s"] * 1e9), 1_000_000_000)
        made += struct.pack(">4I", seconds, fraction, len(data), len(data)) + data
    return made


def test_captures_from_a_pipe_and_compressed_ones(turns: list[Turn], tmp_path: Path) -> None:
    """``tcpdump -w - | … pcap -`` lists while it is captured; what is shared with others is often a .gz."""
    whole = pcap_file(conversation(turns))
    (tmp_path / "session.pcap.gz").write_bytes(gzip.compress(whole))
    command = [sys.executable, "-m", "adapters.v2g", "pcap", "--json"]
    run = subprocess.run([*command, str(tmp_path / "session.pcap.gz")], capture_output=True, check=True)
    assert [json.loads(line)["name"] for line in run.stdout.splitlines()] == [*NAMES, "FIN"]
    with subprocess.Popen([*command, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(whole[:-20])
        process.stdin.flush()
        assert [json.loads(process.stdout.readline())["name"] for _ in NAMES] == NAMES
        process.stdin.close()
        assert process.wait() == 0
    with subprocess.Popen(
        [*command, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as live:
        assert live.stdin is not None
        assert live.stdout is not None
        assert live.stderr is not None
        live.stdin.write(whole)
        live.stdin.flush()
        assert json.loads(live.stdout.readline())["name"] == NAMES[0]
        live.send_signal(signal.SIGINT)
        assert live.wait() == 130
        assert live.stderr.read() == b""
    (tmp_path / "cut.pcap.gz").write_bytes(gzip.compress(whole)[:-30])
    run = subprocess.run([*command, str(tmp_path / "cut.pcap.gz")], capture_output=True, check=False)
    assert run.returncode == 1
    assert b"Compressed file ended" in run.stderr


def test_a_capture_without_messages_says_so(
    turns: list[Turn], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty listing has a reason: nothing there, or packets of a kind that is not read."""
    path = tmp_path / "session.pcap"
    path.write_bytes(pcap_file(conversation(turns)[:2]))
    assert main(["pcap", str(path)]) == 0
    assert capsys.readouterr().err == "pcap: no SLAC, SDP or V2G message in 2 packets\n"
    path.write_bytes(pcap_file(conversation(turns), link_type=127))
    assert main(["pcap", str(path)]) == 0
    assert "15 packets of link type 127 are not understood" in capsys.readouterr().err
    whole = raw_ip(conversation(turns)[2])
    record = struct.pack(">4I", 1, 0, 80, len(whole)) + whole[:80]
    path.write_bytes(pcap_file([]) + record)
    assert main(["pcap", str(path)]) == 0
    assert "1 packets were not captured whole" in capsys.readouterr().err


def test_a_refused_tls_handshake_names_the_alert() -> None:
    """A vehicle that does not trust the station ends TLS with an alert: that is the reason why it does not charge."""
    alert = b"\x15\x03\x03\x00\x02\x02\x30"
    hello = b"\x03\x03" + bytes(32) + bytes(4)
    record = b"\x01" + len(hello).to_bytes(3, "big") + hello
    sent = [(True, b"\x16\x03\x01" + len(record).to_bytes(2, "big") + record), (False, alert)]
    (entry, _) = read(captured(conversation(sent)))
    assert (entry.protocol, entry.name, entry.sender) == ("tls", "alert", "SECC")
    assert entry.content == {"error": "fatal: unknown_ca"}


def test_a_capture_full_of_holes_is_listed_however_many_there_are() -> None:
    """Thousands of pieces that one acknowledgment covers: the listing must not grow a call per hole."""
    (_, first), (_, answer) = handshake("urn:din:70121:2012:MsgDef")
    pieces = [tcp(0.0, True, 1, 1, "AP", first)]
    pieces += [tcp(0.0, True, 1000 + 100 * n, 1, "AP", b"piece") for n in range(1500)]
    pieces.append(tcp(0.0, True, 200_000, 1, "AP", first))
    acknowledged = tcp(0.1, False, 1, 300_000, "A")
    late = tcp(9.0, False, 1, 300_000, "AP", answer)
    names = [entry.name for entry in read(captured([*pieces, acknowledged, late]))]
    assert names.count("gap") == 1501
    assert [name for name in names if name != "gap"] == [
        "supportedAppProtocolReq", "supportedAppProtocolReq", "supportedAppProtocolRes",
    ]  # fmt: skip


@pytest.mark.parametrize(("more", "said"), [(2, "more"), (-2, "less"), (200, "much more")])
def test_a_wrong_length_costs_no_message(more: int, said: str) -> None:
    """A vehicle whose V2GTP length is wrong in its first request: that is told, and every message is listed."""
    (_, request), answer = handshake("urn:din:70121:2012:MsgDef")
    length = len(request) - v2gtp.HEADER_BYTES
    request = request[:4] + (length + more).to_bytes(4, "big") + request[8:]
    view = {"V2G_Message": {"Header": {"SessionID": "00"}, "Body": {"SessionSetupReq": {"EVCCID": "020000000001"}}}}
    setup = v2gtp.encode(PayloadType.SAP, codec.encode(codec.from_json("din", view), protocol="din"))
    entries = list(read(captured(conversation([(True, request), answer, (True, setup)]))))
    assert [(entry.protocol, entry.name) for entry in entries if entry.protocol != "tcp"] == [
        ("v2gtp", "wrong length"),
        ("sap", "supportedAppProtocolReq"),
        ("sap", "supportedAppProtocolRes"),
        ("din", "SessionSetupReq"),
    ], said
    told = next(entry.content["error"] for entry in entries if entry.name == "wrong length")
    assert told == f"its length says {length + more} bytes, {length} came"


def test_what_is_no_v2gtp_is_told_and_the_next_message_listed() -> None:
    turns = handshake("urn:din:70121:2012:MsgDef")
    assert captured_names([*turns, (True, b"GET / HTTP"), turns[0]])[2:] == [
        ("v2gtp", "bad stream"),
        ("sap", "supportedAppProtocolReq"),
    ]
