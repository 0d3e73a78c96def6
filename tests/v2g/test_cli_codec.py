"""``python -m adapters.v2g decode|encode``: one command from a captured message to something readable."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from adapters.v2g.__main__ import main
from adapters.v2g.commands import jobs
from tests.v2g.corpus import samples

ROOT = Path(__file__).resolve().parents[2]
RESPONSE = {"supportedAppProtocolRes": {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 1}}
# DIN SessionSetupReq of a vehicle, with the zero octet that some send after the message.
SESSION_SETUP = "809a02000000000000000011d01a121dc983cd600000"


def test_hex_from_a_capture_becomes_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "80400040"]) == 0
    assert json.loads(capsys.readouterr().out) == RESPONSE


@pytest.mark.parametrize(
    "hex_text",
    [
        "80 40 00 40",
        "80:40:00:40",
        "0x80400040",
        "0x80, 0x40, 0x00, 0x40",
        r"\x80\x40\x00\x40",
        "01fe80010000000480400040",
        "01 FE 80 01 00 00 00 04\n80 40 00 40",
    ],
)
def test_hex_in_any_notation_and_with_its_v2gtp_header(hex_text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "--protocol", "sap", hex_text]) == 0
    assert json.loads(capsys.readouterr().out) == RESPONSE


def test_hex_without_quotes_and_what_it_was_taken_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Pasted with spaces, the shell makes words of it; and which protocol was guessed is no secret."""
    assert main(["decode", "80", "40", "00", "40"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == RESPONSE
    assert printed.err == "decoded as sap\n"


def test_several_messages_of_one_tcp_segment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "--protocol", "sap", "01fe80010000000480400040" * 2]) == 0
    assert capsys.readouterr().out == (json.dumps(RESPONSE, indent=2) + "\n") * 2


def test_an_sdp_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "01fe9000000000021000"]) == 0
    assert json.loads(capsys.readouterr().out) == {"SdpRequest": {"security": "NONE", "transport": "TCP"}}
    assert main(["decode", "--xml", "01fe9000000000021000"]) == 1
    assert "no XML form" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hex_text", "reason"),
    [
        ("01fe80010000000580400040", "cut short: 1 bytes are missing"),
        ("01fea000000000028040", "payload type 0xa000 is unknown"),
        ("01fe90000000000310001000", "SDP_REQUEST has 3 payload bytes, expected 2"),
        ("d4c3b2a1020004000000000000000000", "python -m adapters.v2g pcap"),
        ("8098", "as iso2: stream ends too early"),
    ],
)
def test_what_is_not_quite_a_message_says_what_it_is(
    hex_text: str, reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A stranger's first try: cut, somebody else's payload, a whole capture."""
    path = tmp_path / "message"
    path.write_bytes(bytes.fromhex(hex_text))
    assert main(["decode", str(path)]) == 1
    assert reason in json.loads(capsys.readouterr().err)["error"]["reason"]


WHOLE = "01fe80010000000480400040"
TCP_FRAME = (
    "020000000002" "020000000001" "86dd" "60000000" "0020" "06" "40"
    "fe800000000000000000000000000001" "fe800000000000000000000000000002"
    "c351" "ef9d" "00000001" "00000001" "50" "18" "ffff" "0000" "0000" + WHOLE
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WHOLE + "02fd", "behind the message: 2 bytes: 02 fd (not V2GTP version 1"),
        (WHOLE + "01fe8001", "behind the message: one that is cut short, 4 bytes are missing"),
        ("80400040deadbeef", "behind the message: 4 bytes: de ad be ef"),
        (TCP_FRAME, "Ethernet frame: [fe80::1]:50001 to [fe80::2]:61341"),
        ("0000  01 fe 80 01 00 00 00 04  80 40 00 40              .....@.@", ""),
        ("00000000: 01fe 8001 0000 0004 8040 0040  .........@.@", ""),
        ("00000000  01 fe 80 01 00 00 00 04  |........|\n00000008  80 40 00 40  |.@.@|\n0000000c", ""),
        ("\t0x0000:  01fe 8001 0000 0004 8040 0040", ""),
        ("Af6AAQAAAASAQABA", ""),
        ("gEAAQA==", ""),
    ],
)
def test_the_message_is_found_in_what_people_paste(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Rubbish behind it, a whole frame, a dump with offsets, base64: the message, then what else there was."""
    assert main(["decode", "--protocol", "sap", text]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == RESPONSE
    assert told in printed.err
    assert bool(told) == bool(printed.err)


def test_a_frame_without_data_and_one_of_a_modem_say_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", TCP_FRAME.replace("0020064", "0014064").removesuffix(WHOLE)]) == 1
    assert "carries no data" in capsys.readouterr().err
    assert main(["decode", "02000000000202000000000188e1" + "00" * 46]) == 1
    assert "python -m adapters.v2g pcap" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [b"\x80\x40\x00\x40", b"8040\n0040\n", b"\x01\xfe\x80\x01\0\0\0\x04\x80\x40\x00\x40"]
)
def test_a_file_of_bytes_or_of_hex(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "message.exi"
    path.write_bytes(content)
    assert main(["decode", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == RESPONSE


def test_xml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "--xml", "80400040"]) == 0
    root = ElementTree.fromstring(capsys.readouterr().out)
    assert root.tag == "{urn:iso:15118:2:2010:AppProtocol}supportedAppProtocolRes"
    assert [(child.tag, child.text) for child in root] == [
        ("ResponseCode", "OK_SuccessfulNegotiation"),
        ("SchemaID", "1"),
    ]


def test_the_protocol_is_found_from_the_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """Messages as they are sent (a session id, a body) fit one protocol only, or the command says which they fit."""
    found = ambiguous = 0
    for sample in samples():
        if sample.fragment or len(sample.exi) < 20:
            continue
        code = main(["decode", sample.exi.hex()])
        printed = capsys.readouterr()
        main(["decode", "--protocol", sample.protocol, sample.exi.hex()])
        right = capsys.readouterr().out
        if code == 0:
            assert printed.out == right
            found += 1
        else:
            assert "say which with --protocol" in json.loads(printed.err)["error"]["reason"]
            ambiguous += 1
    assert found > 20 * ambiguous


def test_what_does_not_fit_its_schema_is_read_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    """PowerDeliveryReq of a vehicle that counts four phases: the message, and on standard error what is wrong."""
    four = "80980200000000000000001150000000018a1f0aa0c600"
    assert main(["decode", four]) == 0
    printed = capsys.readouterr()
    assert '"ChargingProfileEntryMaxNumberOfPhasesInUse": 4' in printed.out
    said = printed.err.splitlines()
    assert said[0] == "decoded as iso2"
    assert said[1].startswith("does not fit its schema: V2G_Message.Body.PowerDeliveryReq.ChargingProfile.")
    assert said[1].endswith("ChargingProfileEntryMaxNumberOfPhasesInUse: 4 is above 3")


def test_a_bad_stream_is_a_json_error_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "--protocol", "sap", "8040"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    error = json.loads(printed.err)["error"]
    assert error["path"] == "supportedAppProtocolRes.ResponseCode"
    assert error["bit_offset"] == 16
    assert "too early" in error["reason"]


@pytest.mark.parametrize("source", ["zz", "no/such/file", "", "8"])
def test_what_is_neither_file_nor_hex_says_so(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", source]) == 1
    assert "neither a file nor hex" in json.loads(capsys.readouterr().err)["error"]["reason"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bogus"],
        ["decode"],
        ["encode"],
        ["decode", "80", "--protocol", "iso3"],
        ["decode", "80", "--lines"],
        ["encode", "x.json", "--lines"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_explains_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for command in ("decode", "encode", "pcap", "pki"):
        assert f"\n    {command} " in text


def test_encode_is_the_inverse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "message.json"
    path.write_text(json.dumps(RESPONSE), encoding="utf-8")
    assert main(["encode", str(path)]) == 0
    assert capsys.readouterr().out == "80400040\n"
    assert main(["encode", str(path), "--output", str(tmp_path / "message.exi")]) == 0
    assert (tmp_path / "message.exi").read_bytes() == bytes.fromhex("80400040")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"x": ' + "9" * 5000 + "}", "not JSON"),
        ('{"supportedAppProtocolRes": {"ResponseCode": "OK"}}', "not one of"),
        ("[]", "one key"),
    ],
)
def test_a_bad_message_is_a_json_error(
    text: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "message.json"
    path.write_text(text, encoding="utf-8")
    assert main(["encode", "--protocol", "sap", str(path)]) == 1
    assert reason in json.loads(capsys.readouterr().err)["error"]["reason"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_as_editors_and_shells_write_it(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows puts a byte order mark before UTF-8, or writes UTF-16."""
    path = tmp_path / "message.json"
    path.write_text(json.dumps(RESPONSE), encoding=encoding)
    assert main(["encode", "--protocol", "sap", str(path)]) == 0
    assert capsys.readouterr().out == "80400040\n"


def test_octets_that_are_no_text_are_refused_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in Latin-1: its letters must not go out as U+FFFD."""
    path = tmp_path / "message.json"
    path.write_bytes('{"KeyName": "Käufer"}'.encode("latin-1"))
    assert main(["encode", "--protocol", "xmldsig", str(path)]) == 1
    assert "can't decode byte 0xe4" in json.loads(capsys.readouterr().err)["error"]["reason"]


def test_a_key_that_stands_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON readers keep the last one and lose the first without a word."""
    path = tmp_path / "message.json"
    path.write_text(
        '{"supportedAppProtocolRes": {"ResponseCode": "Failed_NoNegotiation", "SchemaID": 1, "SchemaID": 2}}'
    )
    assert main(["encode", "--protocol", "sap", str(path)]) == 1
    assert "'SchemaID' stands twice" in json.loads(capsys.readouterr().err)["error"]["reason"]


def test_fragments(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "fragment.json"
    path.write_text('{"GenChallenge": "AAEC"}', encoding="utf-8")
    assert main(["encode", "--fragment", "--protocol", "iso20", str(path)]) == 1
    assert "exactly 16" in capsys.readouterr().err
    path.write_text('{"GenChallenge": "AAECAwQFBgcICQoLDA0ODw=="}', encoding="utf-8")
    assert main(["encode", "--fragment", "--protocol", "iso20", str(path)]) == 0
    exi = capsys.readouterr().out.strip()
    assert main(["decode", "--fragment", "--protocol", "iso20", exi]) == 0
    assert json.loads(capsys.readouterr().out) == {"GenChallenge": "AAECAwQFBgcICQoLDA0ODw=="}


def lines(command: str, text: bytes) -> list[dict[str, object]]:
    """The answers of one real process to lines on its standard input."""
    run = subprocess.run(
        [sys.executable, "-m", "adapters.v2g", command, "--lines"],
        input=text,
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_decode_answers_every_line_and_goes_on_after_bad_ones() -> None:
    answers = lines(
        "decode",
        b"sap 80400040\nsap 80\niso9 80\n\nsap\nsap zz\n\xff\xfe 80\nsap 80 40 00 40\r\n"
        + f"din {SESSION_SETUP}".encode(),
    )
    assert [next(iter(answer)) for answer in answers] == ["message"] + ["error"] * 6 + ["message"] * 2
    assert answers[0]["message"] == answers[7]["message"] == RESPONSE
    assert answers[1]["error"] == {"reason": "stream ends too early", "bit_offset": 8}
    assert "SessionSetupReq" in json.dumps(answers[8])


def test_encode_answers_every_line_and_goes_on_after_bad_ones() -> None:
    job = f"sap {json.dumps(RESPONSE)}\n"
    bad = 'sap {\nsap {}\nsap {"supportedAppProtocolRes": {"ResponseCode": 1}}\nnone {}\n'
    answers = lines("encode", (job + bad + job).encode())
    assert [next(iter(answer)) for answer in answers] == ["exi"] + ["error"] * 4 + ["exi"]
    assert answers[0] == answers[5] == {"exi": "80400040"}
    assert answers[3]["error"]["path"] == "supportedAppProtocolRes.ResponseCode"  # type: ignore[index]


def test_an_answer_comes_before_the_next_question_is_asked() -> None:
    """The command serves as a co-process: nothing may wait in a buffer."""
    command = [sys.executable, "-m", "adapters.v2g", "decode", "--lines"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(b"sap 80400040\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"message": RESPONSE}
        process.stdin.close()
        assert process.wait() == 0


def test_a_tab_parts_protocol_and_job_as_well() -> None:
    assert lines("decode", b" sap\t80400040 \n") == [{"message": RESPONSE}]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("redirection", "said"),
    [("> /dev/full", "No space left"), (">&-", "is closed"), ("<&-", "is closed")],
)
def test_answers_that_cannot_be_given_end_the_run_with_one_line_that_says_why(redirection: str, said: str) -> None:
    run = subprocess.run(
        f"{sys.executable} -m adapters.v2g decode --lines {redirection}",
        shell=True,
        input="sap 80400040\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert run.returncode == 1
    assert said in run.stderr
    assert run.stderr.count("\n") == 1


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "adapters.v2g", "decode", "--lines"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"sap 80400040\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == b""


def test_an_endless_line_is_refused_without_keeping_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jobs, "MAX_LINE", 100)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"sap " + b"8" * 1000 + b"\nsap 80400040\n")))
    assert main(["decode", "--lines"]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert "longer than" in first["error"]["reason"]
    assert second == {"message": RESPONSE}
