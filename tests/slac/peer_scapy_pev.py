"""Runs in scapy's environment: a vehicle whose frames are all built and dissected by scapy's HomePlug layers.

    python peer_scapy_pev.py INTERFACE [INTERVAL_MS]

Asks until a station answers, sounds, answers CM_ATTEN_CHAR.IND, asks for the match, keys its modem. Ends with one JSON
object: what it got, and the milliseconds from its first answered CM_SLAC_PARM.REQ to CM_SLAC_MATCH.CNF.
"""

import json
import os
import socket
import sys
import time

from scapy.contrib.homeplugav import HomePlugAV
from scapy.contrib.homepluggp import (
    CM_ATTEN_CHAR_IND,
    CM_ATTEN_CHAR_RSP,
    CM_MNBC_SOUND_IND,
    CM_SET_KEY_CNF,
    CM_SET_KEY_REQ,
    CM_SLAC_MATCH_CNF,
    CM_SLAC_MATCH_REQ,
    CM_SLAC_PARM_CNF,
    CM_SLAC_PARM_REQ,
    CM_START_ATTEN_CHAR_IND,
    SLAC_varfield,
)
from scapy.layers.l2 import Ether

BROADCAST, LOCALCAST = "ff:ff:ff:ff:ff:ff", "00:b0:52:00:00:01"


class Vehicle:
    def __init__(self, interface, interval_s):
        self.interval_s = interval_s
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88E1))
        self.socket.bind((interface, 0x88E1))
        with open(f"/sys/class/net/{interface}/address") as file:
            self.mac = file.read().strip()
        self.run_id = os.urandom(8)

    def send(self, destination, layer):
        self.socket.send(bytes(Ether(dst=destination, src=self.mac) / HomePlugAV(version=1) / layer).ljust(60, b"\0"))

    def wait(self, layer, seconds):
        """The next frame with this layer for this vehicle, None after the time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame = Ether(self.socket.recv(2000))
            except TimeoutError:
                return None
            if layer in frame and frame.dst == self.mac:
                return frame
        return None

    def match(self):
        for _ in range(100):
            started = time.monotonic()
            self.send(BROADCAST, CM_SLAC_PARM_REQ(RunID=self.run_id))
            answer = self.wait(CM_SLAC_PARM_CNF, 0.2)
            if answer is not None:
                break
        else:
            return {"error": "no station answered CM_SLAC_PARM.REQ"}
        parm = answer[CM_SLAC_PARM_CNF]
        station = answer.src
        start = CM_START_ATTEN_CHAR_IND(
            NumberOfSounds=parm.NumberMSounds,
            TimeOut=parm.TimeOut,
            ResponseType=1,
            ForwardingSTA=self.mac,
            RunID=self.run_id,
        )
        # Built before they are due: scapy needs milliseconds for a frame.
        sounds = [
            CM_MNBC_SOUND_IND(Countdown=parm.NumberMSounds - 1 - n, RunID=self.run_id, RandomValue=os.urandom(16))
            for n in range(parm.NumberMSounds)
        ]
        for layer in [start] * 3 + sounds:
            self.send(BROADCAST, layer)
            time.sleep(self.interval_s)
        heard = self.wait(CM_ATTEN_CHAR_IND, 1.2)
        if heard is None:
            return {"error": "no CM_ATTEN_CHAR.IND"}
        groups = [group.group for group in heard[CM_ATTEN_CHAR_IND].Groups]
        self.send(station, CM_ATTEN_CHAR_RSP(SourceAdress=self.mac, RunID=self.run_id))
        field = SLAC_varfield(EVMAC=self.mac, EVSEMAC=station, RunID=self.run_id)
        self.send(station, CM_SLAC_MATCH_REQ(VariableField=field))
        matched = self.wait(CM_SLAC_MATCH_CNF, 1)
        if matched is None:
            return {"error": "no CM_SLAC_MATCH.CNF"}
        elapsed_ms = (time.monotonic() - started) * 1000
        field = matched[CM_SLAC_MATCH_CNF].VariableField
        key = CM_SET_KEY_REQ(KeyType=1, PID=4, NetworkID=field.NetworkID, NewEncKeySelect=1, NewKey=field.NMK)
        self.send(LOCALCAST, key)
        confirmed = self.wait(CM_SET_KEY_CNF, 2)
        return {
            "mac": self.mac.replace(":", ""),
            "evse_mac": station.replace(":", ""),
            "run_id": field.RunID.hex(),
            "nid": field.NetworkID.hex(),
            "nmk": field.NMK.hex(),
            "sounds": heard[CM_ATTEN_CHAR_IND].NumberOfSounds,
            "mean_dB": sum(groups) / len(groups),
            "groups": len(groups),
            "elapsed_ms": elapsed_ms,
            "keyed": confirmed is not None,
        }


interval_ms = float(sys.argv[2]) if len(sys.argv) > 2 else 20
print(json.dumps(Vehicle(sys.argv[1], interval_ms / 1000).match()), flush=True)
