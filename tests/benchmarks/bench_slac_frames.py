"""SLAC frames, ours beside scapy and pyslac in one run: ``python -m tests.benchmarks.bench_slac_frames``.

Microseconds per frame to read and to write each message, and how many times faster ours is. Ends with 1 when a frame of
ours takes longer than LIMIT_US, or when a peer is faster where it does the same work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from adapters.slac import frames as f
from adapters.slac.mme import Mme
from tests.slac.peer_names import PYSLAC_READS, SCAPY_READS
from tests.slac.peers import FramePeer, PeerUnavailable

LIMIT_US = 5.0
ROUNDS = 20_000
PEER_ROUNDS = {"scapy": 300, "pyslac": 5_000}
EV, EVSE, RUN_ID = bytes.fromhex("0217aabbccdd"), bytes.fromhex("02e5e0000001"), bytes(8)
SAMPLES: tuple[Mme, ...] = (
    f.CmSetKeyReq(f.LOCALCAST, EVSE, bytes(7), bytes(16)),
    f.CmSetKeyCnf(EVSE, EV, 1),
    f.CmSlacParmReq(f.BROADCAST, EV, RUN_ID),
    f.CmSlacParmCnf(EV, EVSE, RUN_ID, EV, 10, 6),
    f.CmStartAttenCharInd(f.BROADCAST, EV, 0, 0, 10, 6, 1, EV, RUN_ID),
    f.CmMnbcSoundInd(f.BROADCAST, EV, 0, 0, bytes(17), 9, RUN_ID, bytes(16)),
    f.CmAttenProfileInd(EVSE, EV, EV, b"\x09" * 58),
    f.CmAttenCharInd(EV, EVSE, EV, RUN_ID, 10, b"\x09" * 58),
    f.CmAttenCharRsp(EVSE, EV, 0, 0, EV, RUN_ID, bytes(17), bytes(17), 0),
    f.CmSlacMatchReq(EVSE, EV, EV, EVSE, RUN_ID),
    f.CmSlacMatchCnf(EV, EVSE, EV, EVSE, RUN_ID, bytes(7), bytes(16)),
)
NOT_BUILT_BY_PYSLAC = ("CM_SET_KEY.CNF", "CM_SET_KEY.REQ")


def microseconds(work: Callable[[], Any]) -> float:
    """CPU time, best of five rounds: other work on the machine only ever adds."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(ROUNDS // 5):
            work()
        best = min(best, time.process_time() - start)
    return best / (ROUNDS // 5) * 1e6


def main() -> int:
    peers: dict[str, FramePeer] = {}
    for name in PEER_ROUNDS:
        try:
            peers[name] = FramePeer(name)
        except PeerUnavailable as reason:
            print(f"without {name}: {reason}")
    slow: list[str] = []
    print(f"{'µs per frame':24} {'read':>7} {'write':>7}" + "".join(f"{name + ' read/write':>26}" for name in peers))
    for message in SAMPLES:
        frame = message.encode()
        read, write = microseconds(lambda frame=frame: f.decode(frame)), microseconds(message.encode)  # type: ignore[misc]
        line = f"{message.NAME:24} {read:7.2f} {write:7.2f}"
        if max(read, write) > LIMIT_US:
            slow.append(f"{message.NAME}: {max(read, write):.1f} µs")
        for name, peer in peers.items():
            known = SCAPY_READS if name == "scapy" else PYSLAC_READS
            if message.NAME not in known or (name == "pyslac" and message.NAME in NOT_BUILT_BY_PYSLAC):
                line += f"{'–':>26}"
                continue
            seconds = peer.time(message.NAME, frame, PEER_ROUNDS[name])
            theirs = seconds["parse"] * 1e6, seconds["build"] * 1e6
            line += f"{theirs[0]:9.1f}/{theirs[1]:.1f} ({theirs[0] / read:.0f}x/{theirs[1] / write:.0f}x)".rjust(26)
            if name == "scapy" and (theirs[0] < read or theirs[1] < write):
                slow.append(f"{message.NAME}: slower than scapy")
        print(line)
    for peer in peers.values():
        peer.__exit__(None, None, None)
    for text in slow:
        print("too slow:", text)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
