"""Runs inside the environment of the package ``iso15118`` (never in ours): its vehicle or its station, with two things
set that its simulators leave fixed. Started by tests/charge/josev.py.

``evcc [--pauses] [--resumes ID]``: SessionStop(Pause) in the place of Terminate, which its AC loop has written into its
last step ("TODO Implement also a mechanism for pausing"), and the session that goes on, which it would have to keep.
``secc MODE…``: the energy transfer modes that it offers in ISO 15118-2.
"""

import argparse
import sys


def evcc(pauses: bool, resumes: str | None) -> None:
    from iso15118.evcc import evcc_settings, main
    from iso15118.evcc.states.iso15118_2_states import ChargingStatus
    from iso15118.shared.messages.iso15118_2.datatypes import ChargingSession

    if resumes:
        evcc_settings.RESUME_SESSION_ID = resumes
    if pauses:
        stop_charging = ChargingStatus.stop_charging

        async def pause(self: ChargingStatus) -> None:
            await stop_charging(self)
            self.comm_session.charging_session_stop_v2 = ChargingSession.PAUSE

        ChargingStatus.stop_charging = pause
    main.run()


def secc(modes: list[str]) -> None:
    from iso15118.secc import main
    from iso15118.shared.messages.enums import EnergyTransferModeEnum, Protocol

    class Outlet(main.SimEVSEController):
        async def get_supported_energy_transfer_modes(self, protocol: Protocol) -> list[EnergyTransferModeEnum]:
            if protocol == Protocol.ISO_15118_2:
                return [EnergyTransferModeEnum(mode) for mode in modes]
            return await super().get_supported_energy_transfer_modes(protocol)

    main.SimEVSEController = Outlet
    main.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest="role", required=True)
    vehicle = roles.add_parser("evcc")
    vehicle.add_argument("--pauses", action="store_true")
    vehicle.add_argument("--resumes")
    station = roles.add_parser("secc")
    station.add_argument("modes", nargs="+")
    words = parser.parse_args()
    sys.argv[1:] = []  # its own would be a file of settings
    if words.role == "evcc":
        evcc(words.pauses, words.resumes)
    else:
        secc(words.modes)
