"""What this distribution offers: the contracts and what implements them. The engine finds it through the entry
point ``chargechart.adapters``; a class is imported only when it is bound."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

# contract -> {name: "module:Class", or a chart that serves it}; the first is the simulated one and the default.
IMPLEMENTATIONS: dict[str, dict[str, str]] = {
    "v2g_secc": {
        "simulated": "adapters.v2g.server:SimulatedV2gSecc",
        "socket": "adapters.v2g.server:SocketV2gSecc",
    },
    "v2g_evcc": {
        "simulated": "adapters.v2g.client:SimulatedV2gEvcc",
        "socket": "adapters.v2g.client:SocketV2gEvcc",
    },
    "hpgp_link": {
        "simulated": "adapters.slac.link:SimulatedHpgpLink",
        "af_packet": "adapters.slac.link:PacketHpgpLink",
        "line": "adapters.slac.link:LineHpgpLink",
    },
    "plc_modem": {
        "simulated": "adapters.slac.plc:SimulatedPlcModem",
        "af_packet": "adapters.slac.plc:PacketPlcModem",
        "line": "adapters.slac.plc:LinePlcModem",
    },
    "pilot_evse": {
        "simulated": "adapters.pilot.simulated:SimulatedPilotEvse",
        "bench": "machines/pilot/bench_vehicle.yaml",
        "esp-uart": "machines/pilot/board.yaml",
    },
    "pilot_host": {"pty": "adapters.pilot.board_end:PtyPilotHost"},
    "pilot_front": {"simulated": "adapters.pilot.board_end:SimulatedPilotFront"},
    "pilot_board": {
        "esp-uart": "adapters.pilot.board:UartPilotBoard",
        "emulated": "adapters.pilot.emulated:EmulatedPilotBoard",
    },
    "pilot_pev": {
        "simulated": "adapters.pilot.simulated:SimulatedPilotPev",
        "bench": "machines/pilot/bench_station.yaml",
    },
    "sdp_server": {
        "simulated": "adapters.sdp.adapters:SimulatedSdpServer",
        "socket": "adapters.sdp.adapters:SocketSdpServer",
    },
    "sdp_client": {
        "simulated": "adapters.sdp.adapters:SimulatedSdpClient",
        "socket": "adapters.sdp.adapters:SocketSdpClient",
    },
    "power_supply": {
        "simulated": "adapters.power.simulated:SimulatedSupply",
        "modules": "machines/power/supply.yaml",
    },
    "contactor": {"simulated": "machines/simulated/contactor.yaml"},
    "contacts": {"simulated": "adapters.power.simulated:SimulatedContacts"},
    "insulation_monitor": {"simulated": "adapters.power.simulated:SimulatedInsulationMonitor"},
    "connector_lock": {"simulated": "machines/simulated/lock.yaml"},
    "bolt": {"simulated": "adapters.power.simulated:SimulatedBolt"},
    "meter": {
        "simulated": "adapters.power.simulated:SimulatedMeter",
        "modules": "machines/power/module_meter.yaml",
    },
    "button": {"simulated": "adapters.power.simulated:SimulatedButton"},
    "display": {"simulated": "adapters.power.simulated:SimulatedDisplay"},
    "reader": {"simulated": "adapters.power.simulated:SimulatedReader"},
    "ac_meter": {"simulated": "adapters.ac.simulated:SimulatedAcMeter"},
    "phase_switch": {"simulated": "adapters.ac.simulated:SimulatedPhaseSwitch"},
    "residual_current": {"simulated": "adapters.ac.simulated:SimulatedResidualCurrent"},
    "proximity": {"simulated": "adapters.ac.simulated:SimulatedProximity"},
    "ventilation": {"simulated": "adapters.ac.simulated:SimulatedVentilation"},
    "upstream_breaker": {"simulated": "adapters.ac.simulated:SimulatedBreaker"},
    "indicator": {"simulated": "adapters.ac.simulated:SimulatedIndicator"},
    "chance": {"simulated": "adapters.host.chance:SimulatedChance"},
    "onboard_charger": {"simulated": "adapters.ac.vehicle:SimulatedOnboardCharger"},
    "central_system": {
        "websocket": "adapters.ocpp.websocket:WebSocketCentralSystem",
        "mqtt": "adapters.ocpp.mqtt:MqttCentralSystem",
    },
    "ocpp_ledger": {
        "memory": "adapters.ocpp.ocpp_ledger:MemoryLedger",
        "sqlite": "adapters.ocpp.ocpp_ledger:FileLedger",
    },
    "ocpp_settings": {
        "memory": "adapters.ocpp.ocpp_settings:MemorySettings",
        "sqlite": "adapters.ocpp.ocpp_settings:FileSettings",
    },
    "ocpp_cards": {
        "memory": "adapters.ocpp.ocpp_cards:MemoryCards",
        "sqlite": "adapters.ocpp.ocpp_cards:FileCards",
    },
    "ocpp_profiles": {
        "memory": "adapters.ocpp.ocpp_profiles:MemoryProfiles",
        "sqlite": "adapters.ocpp.ocpp_profiles:FileProfiles",
    },
    "ocpp_reservations": {
        "memory": "adapters.ocpp.ocpp_reservations:MemoryReservations",
        "sqlite": "adapters.ocpp.ocpp_reservations:FileReservations",
    },
    "ocpp_store": {
        "memory": "adapters.ocpp.ocpp_store:MemoryStore",
        "sqlite": "adapters.ocpp.ocpp_store:FileStore",
    },
    "ocpp_availability": {
        "memory": "adapters.ocpp.ocpp_availability:MemoryAvailability",
        "sqlite": "adapters.ocpp.ocpp_availability:FileAvailability",
    },
    "ocpp_logs": {
        "memory": "adapters.ocpp.logs:MemoryLogs",
        "files": "adapters.ocpp.logs:FileLogs",
    },
    "installer": {
        "simulated": "adapters.ocpp.installer:SimulatedInstaller",
        "command": "adapters.ocpp.installer:CommandInstaller",
    },
    "firmware_job": {
        "memory": "adapters.ocpp.firmware_job:MemoryFirmwareJob",
        "sqlite": "adapters.ocpp.firmware_job:FileFirmwareJob",
    },
    "certificate_store": {
        "memory": "adapters.ocpp.certificates:MemoryCertificateStore",
        "files": "adapters.ocpp.certificates:FileCertificateStore",
    },
    "file_transfer": {
        "simulated": "adapters.files.transfer:SimulatedFileTransfer",
        "network": "adapters.files.transfer:NetworkFileTransfer",
    },
    "wall_clock": {
        "simulated": "adapters.host.wall_clock:SimulatedWallClock",
        "system": "adapters.host.wall_clock:SystemWallClock",
    },
    "can_bus": {
        "simulated": "adapters.can.simulated:SimulatedCanBus",
        "python_can": "adapters.can.python_can:PythonCanBus",
    },
    "module_rack": {"simulated": "adapters.can.rack:SimulatedRack"},
    "power_modules": {"codec": "adapters.can.roles:PowerModules"},
    "elcon_charger": {"codec": "adapters.can.roles:ElconCharger"},
    "elcon_battery": {"codec": "adapters.can.roles:ElconBattery"},
    "daly_host": {"codec": "adapters.can.roles:DalyHost"},
    "light_charger_terminal": {"codec": "adapters.can.roles:LightChargerTerminal"},
    "light_stage": {"simulated": "adapters.can.light_stage:SimulatedLightStage"},
    "gbt_charger": {"codec": "adapters.can.roles:GbtCharger"},
    "gbt_battery": {"codec": "adapters.can.roles:GbtBattery"},
    "console": {
        "simulated": "adapters.console.consoles:SimulatedConsole",
        "terminal": "adapters.console.consoles:TerminalConsole",
        "pty": "adapters.console.consoles:PtyConsole",
        "tcp": "adapters.console.consoles:TcpConsole",
    },
    "soc_callback": {
        "simulated": "adapters.http.callback:SimulatedCallback",
        "http": "adapters.http.callback:HttpCallback",
    },
    "traction_battery": {"simulated": "adapters.power.vehicle:SimulatedBattery"},
    "driver": {"simulated": "adapters.power.vehicle:SimulatedDriver"},
}


class AdapterRegistry:
    """The :class:`engine.adapter.Registry` of this distribution."""

    def contract_files(self) -> list[str]:
        """Paths of all ``*.contract.yaml`` beside the adapters, sorted."""
        return sorted(str(path) for path in _HERE.rglob("*.contract.yaml"))

    def implementations(self, contract: str) -> dict[str, str]:
        """Implementation name -> ``module:Class`` or chart of a contract; empty when nothing implements it."""
        return dict(IMPLEMENTATIONS.get(contract, {}))

    def chart_folders(self) -> list[str]:
        """``machines/``, which lies beside this package, in a clone and where it is installed."""
        return [str(_HERE.parent / "machines")]


REGISTRY = AdapterRegistry()
