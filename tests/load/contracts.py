"""A small contract for the loader's tests."""

from engine.language.model import ActionDef, Contract, EventDef
from engine.language.types import BOOL, BYTES, INT, STRING, UNITS, Kind, Type

VOLT = Type(Kind.FLOAT, UNITS["V"])
LINK = Contract(
    "hpgp_link",
    {
        "send_parm_cnf": ActionDef(
            "send_parm_cnf", {"run_id": BYTES, "sounds": INT, "text": Type(Kind.STRING, optional=True)}
        ),
        "leave": ActionDef("leave", {}),
        "measure": ActionDef("measure", {"times": INT}, {"loss": INT}),
    },
    {
        "PARM_REQ": EventDef("PARM_REQ", {"run_id": BYTES, "voltage": VOLT}),
        "SOUND": EventDef("SOUND", {"run_id": BYTES, "count": INT}),
        "lost": EventDef("lost", {"reason": STRING}),
    },
    {"is_up": BOOL, "voltage": VOLT},
)
CONTRACTS = {"hpgp_link": LINK}
