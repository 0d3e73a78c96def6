"""The configuration keys behind the charts: an operator changes them once, and they stay."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from adapters.files.transfer import WELL_KNOWN
from adapters.ocpp import keys
from adapters.ocpp.database import MIGRATIONS, Database
from adapters.ocpp.keys import KEYS, NS, Unreadable
from adapters.ocpp.ledger import Ledger
from adapters.ocpp.ocpp_availability import FileAvailability, MemoryAvailability
from adapters.ocpp.ocpp_ledger import FileLedger
from adapters.ocpp.ocpp_settings import FileSettings, MemorySettings
from adapters.registry import REGISTRY
from engine.adapter import AdapterError, World
from engine.cli import main
from engine.run.station.resolve import Overrides, resolve
from tests.ocpp.charge_point import chart
from tests.slac.real_port import RealPort
from tests.slac.virtual_host import CONTRACTS, Clock, VirtualPort


def opened(world: World | None = None, **config: Any) -> tuple[Any, VirtualPort]:
    settings = MemorySettings(config, world or World())
    return settings, VirtualPort(settings, Clock(), "settings")


def test_the_contract_is_that_of_the_table() -> None:
    file = Path(keys.__file__).parent / "ocpp_settings.contract.yaml"
    assert file.read_text() == keys.text()


def test_the_protocols_of_files_are_those_there_are() -> None:
    """A central system chooses by this key where it wants its diagnostics, and FTP is what many want."""
    settings, _ = opened()
    assert {name.lower() for name in settings.SupportedFileTransferProtocols} == set(WELL_KNOWN)


@pytest.mark.ocpp_cases("D4", "D18")
@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("LocalPreAuthorize", "true", True),
        ("LocalPreAuthorize", " FALSE ", False),
        ("ConnectionTimeOut", "90", 90 * NS),
        ("ResetRetries", "3", 3),
        ("WebSocketPingInterval", "-1", -NS),
        ("MeterValuesSampledData", " Voltage, SoC ,Voltage,", ["Voltage", "SoC"]),
        ("MeterValuesSampledData", "", []),
        ("CpoName", "Stadtwerke Ä", "Stadtwerke Ä"),
        ("AuthorizationKey", "0123456789abcdef", b"0123456789abcdef"),
        ("AuthorizationKey", "0123456789abcdef0123456789ABCDEF01234567", bytes.fromhex("0123456789abcdef" * 2)
         + bytes.fromhex("01234567")),
        ("AuthorizationKey", "an odd passphrase!", b"an odd passphrase!"),
    ],
)  # fmt: skip
def test_how_a_value_is_written(key: str, text: str, value: Any) -> None:
    """D18 of the field: 40 hexadecimal digits are 20 octets; D4: blanks and repeats in a list are no matter."""
    assert KEYS[key].read(text) == value
    if not KEYS[key].secret:
        assert KEYS[key].read(KEYS[key].text(value)) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("LocalPreAuthorize", "yes"),
        ("ResetRetries", "three"),
        ("ResetRetries", ""),
        ("ResetRetries", "1.5"),
        ("ResetRetries", "²"),
        ("ConnectionTimeOut", "2147483648"),
        ("ConnectionTimeOut", "9" * 5000),
    ],
)
def test_what_is_no_value_is_told(key: str, text: str) -> None:
    with pytest.raises(Unreadable):
        KEYS[key].read(text)


def test_orders_and_events_of_the_contract() -> None:
    settings, port = opened(NumberOfConnectors=2)
    settings.look(call_id="a", key=["numberofconnectors", "Colour", "authorizationkey", "MaxEnergyOnInvalidId"])
    assert port.results["a"] == {
        "key": ["NumberOfConnectors", "AuthorizationKey"],
        "value": ["2", ""],
        "unknownKey": ["Colour", "MaxEnergyOnInvalidId"],
    }
    settings.look(call_id="b")
    assert (len(port.results["b"]["key"]), port.results["b"]["unknownKey"]) == (48, [])  # those of lights are not there
    settings.look(call_id="c", key=[])
    assert port.results["c"] == port.results["b"]
    settings.understand(call_id="d", key="connectiontimeout", value="30")
    assert port.results["d"] == {"key": "ConnectionTimeOut", "number": 30, "items": [], "most": None, "length": 0}
    settings.understand(call_id="e", key="MeterValuesSampledData", value="SoC,Voltage")
    assert port.results["e"] == {
        "key": "MeterValuesSampledData", "number": None, "items": ["SoC", "Voltage"], "most": 20, "length": 0
    }  # fmt: skip
    settings.understand(call_id="f", key="AuthorizationKey", value="a" * 16)
    assert port.results["f"]["length"] == 16
    settings.understand(call_id="g", key="LocalPreAuthorize", value="true")
    assert port.results["g"]["number"] is None
    for call, key, value in (("h", "Colour", "1"), ("i", "MaxEnergyOnInvalidId", "1"), ("j", "ResetRetries", "x")):
        settings.understand(call_id=call, key=key, value=value)
    assert [port.results[call] for call in "hij"] == ["unknown", "unknown", "unreadable"]

    settings.write(call_id="k", key="ConnectionTimeOut", value="30")
    settings.write(call_id="l", key="ConnectionTimeOut", value="30")
    assert (port.results["k"], settings.ConnectionTimeOut) == ({}, 30 * NS)
    assert port.named("changed") == [{"key": "ConnectionTimeOut"}]  # the second one is no change
    settings.declare(key="NumberOfConnectors", value="3")
    assert (settings.NumberOfConnectors, len(port.named("changed"))) == (3, 1)
    for key, value in (("Colour", "1"), ("ResetRetries", "x")):
        with pytest.raises(AdapterError):
            settings.declare(key=key, value=value)


@pytest.mark.ocpp_cases("D18")
def test_the_password_is_in_no_trace() -> None:
    """D18 of the field: never readable, never logged; of what is secret here, the loader lets nothing out."""
    asked = CONTRACTS["central_system"].events["ChangeConfigurationReq"].payload
    assert asked is not None
    assert asked["value"].secret
    assert CONTRACTS["ocpp_settings"].values["AuthorizationKey"].secret


def test_what_was_written_goes_before_the_station_file() -> None:
    world = World()
    settings, _ = opened(world, ConnectionTimeOut=10 * NS)
    settings.write(call_id="a", key="ConnectionTimeOut", value="30")
    settings.declare(key="HeartbeatInterval", value="7")
    settings, _ = opened(world, ConnectionTimeOut=10 * NS)
    assert (settings.ConnectionTimeOut, settings.HeartbeatInterval) == (30 * NS, 300 * NS)


def test_what_a_later_version_wrote_is_no_harm() -> None:
    world = World()
    settings, port = opened(world)
    settings.write(call_id="a", key="ConnectionTimeOut", value="30")
    database = world.shared("OCPP store ", lambda: None)
    database.execute("UPDATE settings SET value = 'half a minute'")
    database.execute("INSERT INTO settings VALUES ('Colour', 'blue')")
    settings, port = opened(world)
    assert settings.ConnectionTimeOut == 60 * NS
    assert port.told == ["ConnectionTimeOut in the file is not used: an integer was expected"]


def test_a_full_disk_leaves_the_value_as_it_was() -> None:
    settings, port = opened(full_after=0)
    settings.write(call_id="a", key="ConnectionTimeOut", value="30")
    assert (port.results["a"], settings.ConnectionTimeOut) == ("database or disk is full", 60 * NS)
    assert port.events == [("failed", {"reason": "database or disk is full"})]


def test_what_was_taken_out_of_service_stays_so() -> None:
    """TC_034: over a restart, connector 0 too."""
    world = World()
    availability = MemoryAvailability({}, world)
    port = VirtualPort(availability, Clock(), "availability")
    for call, connector, operative in (("a", 2, False), ("b", 0, False), ("c", 1, True), ("d", 2, True)):
        availability.keep(call_id=call, connectorId=connector, operative=operative)
    assert (port.results["d"], availability.inoperative) == ({}, [0])
    again = MemoryAvailability({}, world)
    VirtualPort(again, Clock(), "availability")
    assert again.inoperative == [0]


def in_a_loop(test: Any) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


async def until(port: RealPort, *calls: str) -> None:
    while not all(call in port.results for call in calls):
        await asyncio.sleep(0.002)


def test_all_roles_share_one_file(tmp_path: Path) -> None:
    """One connection and one writer; the last role to go closes it; a restart finds everything."""

    async def work() -> None:
        world, config = World(), {"file": str(tmp_path / "c.db")}
        ledger, settings, availability = (
            FileLedger(config, world),
            FileSettings(config, world),
            FileAvailability(config, world),
        )
        ports = RealPort(ledger, "ledger"), RealPort(settings, "settings"), RealPort(availability, "availability")
        settings.write(call_id="a", key="CpoName", value="Operator")
        availability.keep(call_id="b", connectorId=1, operative=False)
        ledger.StartTransaction(call_id="c", connectorId=1, idTag="A", meterStart=0, timestamp=0)
        for port, call in zip(ports, "cab", strict=True):
            await until(port, call)
        ledger.close()
        settings.write(call_id="d", key="ResetRetries", value="5")
        settings.close()
        availability.close()
        assert {file.name for file in tmp_path.iterdir()} == {"c.db"}

        again: Any = FileSettings(config, world)
        RealPort(again, "settings")
        assert (again.CpoName, again.ResetRetries) == ("Operator", 5)
        again.close()

    in_a_loop(work)


def test_a_file_of_the_version_before_is_brought_up(tmp_path: Path) -> None:
    """A charge point that is updated keeps its open transaction."""
    file = tmp_path / "c.db"
    with sqlite3.connect(file) as old:
        old.executescript(f"{MIGRATIONS[0]} PRAGMA user_version=1;")
        old.execute("INSERT INTO transactions (connector) VALUES (1)")
    old.close()
    database = Database(file)
    assert len(Ledger(database).open()) == 1
    assert database.execute("SELECT count(*) FROM settings").fetchone() == (0,)
    assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    database.close()


PASSWORD = "open-sesame-1234567"
KEY = "ocpp.adapters.settings.AuthorizationKey"
VARIABLE = "CHARGER_MACHINES_OCPP_ADAPTERS_SETTINGS_AUTHORIZATIONKEY"


@pytest.mark.parametrize("how", ["on the command line", "in a file", "in a variable"])
def test_the_password_is_given_and_not_told(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As text; neither `--help-config` nor an error has it."""
    (tmp_path / "key").write_text(f"{PASSWORD}\n")
    given = {"on the command line": [f"{KEY}={PASSWORD}"], "in a file": [f"{KEY}=@{tmp_path / 'key'}"]}.get(how, [])
    if how == "in a variable":
        monkeypatch.setenv(VARIABLE, PASSWORD)
    station = resolve(Path("machines/charge_point.yaml"), None, Overrides(given), REGISTRY, chart)
    plan = station.machines["ocpp"].adapters["settings"]
    assert MemorySettings(plan.config, World()).AuthorizationKey == PASSWORD.encode()  # type: ignore[attr-defined]
    sets = [word for one in given for word in ("--set", one)]
    assert main(["run", "machines/charge_point.yaml", *sets, "--help-config"]) == 0
    told = capsys.readouterr().out
    assert f"{KEY} = (secret)" in told
    assert PASSWORD not in told


@pytest.mark.parametrize(
    ("value", "why"),
    [("hunter2", "it has 16 to 20 octets"), ("h" * 21, "it has 16 to 20 octets"), ("@/hunter2/x", "cannot be read")],
)
def test_a_password_that_is_none_is_not_told_either(value: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "machines/charge_point.yaml", "--set", f"{KEY}={value}"]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert f"={value}" not in said
