"""The simulated modules against what makers and public drivers publish: a simulator that only agrees with our own codec
proves nothing of either. Each frame is named by its source, as those of the codecs are."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from adapters.can.families import MODULES, module_family
from adapters.can.frame import Frame, Message, Misfit
from adapters.can.simulators import SPEAKERS, speaker
from adapters.can.simulators.module import ALL, Module
from tests.can.racks import Racks

ROOT = Path(__file__).parents[2]
CAN = ROOT / "adapters" / "can"


def frame(text: str) -> Frame:
    can_id, _, data = text.partition(" ")
    return Frame(int(can_id, 16), bytes.fromhex(data))


def a_module(address: int, **values: Any) -> Module:
    module = Module(address, 1000.0, 150.0, 50.0, 25_000.0)
    for name, value in values.items():
        setattr(module, name, value)
    return module


# (make, frame of a controller, modules, what it tells them)
HEARD: list[tuple[str, str, list[int], dict[str, Any]]] = [
    # EVerest InfyPower: set volts and amperes of module 0, mV and mA
    ("infy", "029C00F0 0007A120 00004E20", [0], {"volts": 500.0, "amperes": 20.0}),
    ("infy", "029A3FF0 01 00000000000000", [ALL], {"switch": False}),
    ("infy", "029A02F0 00 00000000000000", [2], {"switch": True}),
    # Maxwell V1.50, worked examples of the protocol
    ("maxwell", "06080780 03000021 442F0000", [0], {"volts": 700.0}),
    ("maxwell", "06080780 03000022 3F000000", [0], {"fraction": 0.5}),
    ("maxwell", "06080780 03000030 00000000", [0], {"switch": True}),
    ("maxwell", "06080780 03000030 00010000", [0], {"switch": False}),
    # UUGreenPower 36.2, worked examples of the reference guide
    ("uu", "02200000 10020000 0007419E", [ALL], {"volts": 475.55}),
    ("uu", "02200000 10030000 00002904", [ALL], {"amperes": 10.5}),
    ("uu", "02204000 10040000 00000001", [1], {"switch": False}),
    ("uu", "02200000 1B000069 12611293", [ALL], {"switch": True, "amperes": 10.5, "volts": 475.5}),
    # TonHe V1.2, worked example of the protocol
    ("tonhe", "080601A0 AA008813 04100000", [1], {"switch": True, "volts": 500.0, "amperes": 41.0}),
    # EVerest Huawei_R100040Gx, HwCanDevice.cpp: power on and off in octet 3, volts and amperes times 1024, number of
    # modules in octet 3; identifiers of CanPackets.cpp, encode_can_id
    ("huawei", "068280FC 01320000 00000000", [2], {"switch": True}),
    ("huawei", "068280FC 01320001 00000000", [2], {"switch": False}),
    ("huawei", "068280FC 01000000 00064000", [2], {"volts": 400.0}),
    ("huawei", "068280FC 010F0001 0000A000", [2], {"amperes": 40.0}),
    ("huawei", "068080FC 01320001 00000000", [ALL], {"switch": False}),
]


@pytest.mark.parametrize(("kind", "text", "modules", "told"), HEARD, ids=lambda x: str(x)[:24])
def test_orders_that_somebody_published(kind: str, text: str, modules: list[int], told: dict[str, Any]) -> None:
    heard = speaker(kind).hear(frame(text))
    assert heard is not None
    assert list(heard.modules) == modules
    names = ("switch", "volts", "amperes", "fraction", "stored_volts", "stored_amperes")
    assert {name: value for name in names if (value := getattr(heard, name)) is not None} == told


# Bits of the question for realtime data, and the signal each is answered with: EVerest Huawei_R100040Gx, CanPackets.hpp
# (RTQ_…, SignalId); the question itself is that of HwCanDevice.cpp (octet 3 is AA).
RTQ_INTERNAL_TEMPERATURE, RTQ_ALARM_STATUS, RTQ_OUTPUT_VOLTAGE_CURRENT_STATUS = 1 << 12, 1 << 16, 1 << 22


def huawei_question(bits: int) -> str:
    return f"068240FC 000000AA {bits:08X}"


MODULE: dict[str, Any] = {"voltage": 400.0, "current": 40.0, "temperature": 25.0, "delivers": True}

# (make, frame of a controller, address, its state beside MODULE, frames of the module)
ANSWERED: list[tuple[str, str, int, dict[str, Any], list[str]]] = [
    # infypower-tools-en, REG1K0100A2.py: volts and amperes as floats; octets of the status
    ("infy", "028301F0 0000000000000000", 1, {"voltage": 500.0, "current": 10.0}, ["0283F001 43FA0000 41200000"]),
    ("infy", "028402F0 0000000000000000", 2, {"delivers": False, "alarms": frozenset({"overtemperature"})},
     ["0284F002 00000000 19001100"]),
    # Maxwell V1.50: 700 V; alarms with the output off and a fault
    ("maxwell", "06080780 10000001 00000000", 0, {"voltage": 700.0}, ["060F8000 41F00001 442F0000"]),
    ("maxwell", "06080F80 10000040 00000000", 1, {"delivers": False, "alarms": frozenset({"fault"})},
     ["060F8008 42F00040 00400001"]),
    # UUGreenPower 36.2: mV, mA; DC off is bit 25 of the status
    ("uu", "02204000 02000000 00000000", 1, {"voltage": 475.55}, ["02204000 03000000 0007419E"]),
    ("uu", "02204000 02080000 00000000", 1, {"delivers": False}, ["02204000 03080000 02000000"]),
    # an answer to set-all has its own type
    ("uu", "02204000 1B000069 12611293", 1, {}, ["02204000 1C000069 12611293"]),
    # EVerest Huawei_R100040Gx: signal 191 has 0.1 A in the high and 0.1 V in the low half
    ("huawei", huawei_question(RTQ_OUTPUT_VOLTAGE_CURRENT_STATUS), 2, {}, ["06824000 01910000 01900FA0"]),
    ("huawei", huawei_question(RTQ_INTERNAL_TEMPERATURE), 2, {}, ["06824000 017F0000 00006400"]),
    ("huawei", huawei_question(RTQ_ALARM_STATUS), 2, {}, ["06824000 01830000 00000000"]),
    ("huawei", huawei_question(RTQ_ALARM_STATUS | RTQ_OUTPUT_VOLTAGE_CURRENT_STATUS), 2, {},
     ["06824001 01910000 01900FA0", "06824000 01830000 00000000"]),
    ("huawei", huawei_question(0), 2, {}, []),
]  # fmt: skip
UU_SERIAL = 0x1FFFC000
"""An answer of UUGreenPower modules has a production day and a serial number in its identifier."""


@pytest.mark.parametrize(("kind", "text", "address", "state", "answers"), ANSWERED, ids=lambda x: str(x)[:24])
def test_answers_that_somebody_published(
    kind: str, text: str, address: int, state: dict[str, Any], answers: list[str]
) -> None:
    make = speaker(kind)
    told = make.hear(frame(text))
    assert told is not None
    assert list(told.modules) == [address]
    said = list(make.answer(told, a_module(address, **{**MODULE, **state})))
    masked = [one._replace(id=one.id & UU_SERIAL) if kind == "uu" else one for one in said]
    assert masked == [frame(answer) for answer in answers]


def test_a_report_that_somebody_published() -> None:
    """TonHe V1.2: state, 0.1 V, 0.01 A, low octet first."""
    report, ambient = speaker("tonhe").report(a_module(5, voltage=500.0, current=41.0, delivers=True))
    assert report == frame("1801A005 01 8813 0410 0000 00")
    assert ambient.id == 0x180BA005


@pytest.mark.parametrize("kind", SPEAKERS)
def test_what_it_says_is_read(kind: str) -> None:
    """Whatever a controller asks of this make, every frame of the answer has a meaning for its codec."""
    codec, make = module_family(kind), speaker(kind)
    module = a_module(make.first, **MODULE)
    said = list(make.report(module))
    for order in ("poll", "on", "off"):
        for sent in codec.order(order, make.first):
            told = make.hear(sent)
            assert told is not None, sent
            said += list(make.answer(told, module))
    for one in said:
        read = codec.decode(one)
        assert isinstance(read, Message), read
        assert not isinstance(read, Misfit)
        assert read.values.get("module", make.first) == make.first
    assert said
    assert make.hear(Frame(0x123, bytes(8), extended=False)) is None
    assert make.hear(Frame(0x1ABCDE11, bytes(8))) is None


def told_by(kind: str, module: Module) -> dict[str, Any]:
    """What the codec reads of all that a module says when it is polled or reports, alarms of all frames together."""
    codec, make = module_family(kind), speaker(kind)
    said = list(make.report(module))
    for sent in codec.order("poll", module.address):
        told = make.hear(sent)
        assert told is not None, sent
        said += make.answer(told, module)
    values: dict[str, Any] = {}
    for one in said:
        read = codec.decode(one)
        assert isinstance(read, Message), read
        alarms = {*values.get("alarms", ()), *read.values.get("alarms", ())}
        values.update(read.values, alarms=alarms)
    return values


@pytest.mark.parametrize("kind", SPEAKERS)
@pytest.mark.parametrize("delivers", [True, False])
def test_its_codec_reads_what_it_measures(kind: str, delivers: bool) -> None:
    """A module that measures something else than zeros, on and off: each number at its place and with its scale."""
    state = {"voltage": 437.5, "current": 23.5, "temperature": 41.0, "delivers": delivers}
    read = told_by(kind, a_module(speaker(kind).first, **state))
    for name in ("voltage", "current", "temperature"):
        assert read[name] == pytest.approx(state[name], abs=0.05), name
    for name, rated in (("maximum_voltage", 1000.0), ("minimum_voltage", 150.0), ("maximum_current", 50.0)):
        assert read.get(name, rated) == pytest.approx(rated), name
    assert read.get("maximum_power", 25_000.0) == pytest.approx(25_000.0)
    if "output" in read:
        assert read["output"] == ("on" if delivers else "off")
    elif kind != "huawei":  # which does not say it at all
        assert ("output_off" in read["alarms"]) == (not delivers)
    assert read["alarms"] <= {"output_off"}


@pytest.mark.parametrize("kind", SPEAKERS)
def test_its_codec_reads_its_alarms_by_their_names(kind: str) -> None:
    """Each alarm that a simulated module can show is read as that one and no other, so that a bit out of place is seen.
    Where nobody has published the bits (Huawei, TonHe) it is seen that there is one."""
    places = getattr(sys.modules[type(speaker(kind)).__module__], "PLACES", {})
    for alarm in set(places or {"fault": 0}) - {"output_off"}:
        module = a_module(speaker(kind).first, **MODULE, alarms=frozenset({alarm}))
        read = told_by(kind, module)
        assert read["alarms"] == {alarm} if places else read["alarms"] or read.get("output") == "fault"


def test_set_points_as_other_controllers_send_them() -> None:
    """A part of the rated current, and all in one frame: not what our codecs send, but what the makes know."""
    half = Racks("maxwell", 2)
    half.inject_at_rack(frame("06080F80 03000022 3F000000"))
    half.inject_at_rack(frame("06080F80 03000022 40000000"))
    half.inject_at_rack(frame("06080780 03000022 3F000000"))
    assert [module.set_A for module in half.modules] == [25.0, 50.0]
    whole = Racks("uu", 2)
    whole.inject_at_rack(frame("02200000 1B000069 12611293"))
    assert [(module.set_A, module.set_V) for module in whole.modules] == [(10.5, 475.5)] * 2


def test_each_family_of_modules_has_its_simulator_and_its_option() -> None:
    """What docs/can.md promises of every family: a simulator, and `--set supply=KIND` of the DC station."""
    assert set(SPEAKERS) == set(MODULES)
    station = tomllib.loads((ROOT / "machines" / "stations" / "evse_dc.toml").read_text("utf-8"))
    options = station["options"]["supply"]
    assert set(options) - {"simulated"} == set(MODULES)
    for kind in MODULES:
        assert options[kind]["machines.modules.adapters.rack.kind"] == kind
        assert options[kind]["adapters.supply.adapters.modules.family"] == kind
        assert options[kind]["adapters.meter.adapters.modules.family"] == kind


def imports(path: Path) -> set[str]:
    """What a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def test_simulators_and_codecs_share_nothing() -> None:
    """Else an error of one hides in the other. Both know what a frame is, and no more."""
    simulators = [*(CAN / "simulators").glob("*.py"), CAN / "rack.py", CAN / "light_stage.py"]
    codecs = [
        *(CAN / "families").rglob("*.py"),
        *(CAN / f"{name}.py" for name in ("table", "modules", "roles", "transport")),
    ]
    theirs = (
        "adapters.can.families",
        "adapters.can.table",
        "adapters.can.modules",
        "adapters.can.roles",
        "adapters.can.transport",
    )
    ours = ("adapters.can.simulators", "adapters.can.rack", "adapters.can.light_stage")
    assert len(simulators) >= 8
    assert len(codecs) >= 13
    for files, forbidden in ((simulators, theirs), (codecs, ours)):
        for path in files:
            wrong = [name for name in imports(path) if name.startswith(forbidden)]
            assert not wrong, f"{path.name} imports {wrong}"
