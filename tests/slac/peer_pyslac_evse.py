"""Runs in pyslac's environment: pyslac's own EVSE session on an interface, one JSON object per line on stdout.

    python peer_pyslac_evse.py INTERFACE SETTLE_S

SETTLE_S replaces pyslac's fixed 10 s sleep after CM_SET_KEY, which has nothing to do with the protocol.
"""

import asyncio
import json
import sys

from pyslac import session
from pyslac.environment import Config
from pyslac.session import STATE_MATCHED, SlacEvseSession, SlacSessionController


def say(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


class Controller(SlacSessionController):
    async def notify_matching_ongoing(self, evse_id):
        say("matching")

    async def notify_matching_failed(self, evse_id):
        say("failed")


async def main(interface, settle_s):
    session.SLAC_SETTLE_TIME = settle_s
    config = Config()
    config.load_envs()
    evse = SlacEvseSession("DE*TST*E1", interface, config)
    await evse.evse_set_key()
    say("keyed", nmk=evse.nmk.hex(), nid=evse.nid.hex(), mac=evse.evse_mac.hex())
    controller = Controller()
    await controller.process_cp_state(evse, "B2")
    while True:
        while evse.state != STATE_MATCHED:
            await asyncio.sleep(0.005)
        say("matched", pev_mac=evse.pev_mac.hex(), run_id=evse.run_id.hex(), nmk=evse.nmk.hex())
        while evse.state == STATE_MATCHED:
            await asyncio.sleep(0.1)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
