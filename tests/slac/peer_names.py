"""Which fields of which messages the foreign codecs know, and which values of ours they can carry at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]
Known = dict[str, tuple[tuple[str, ...], Callable[[Fields], bool]]]


def _any(_: Fields) -> bool:
    return True


def _plain(fields: Fields) -> bool:
    """Both know SecurityType 0 only: no cipher suites."""
    return bool(fields["security_type"] != 1)


def _short_version(fields: Fields) -> bool:
    """scapy pads the version to 64 octets, and cannot hold more."""
    return len(fields["version"]) <= 64


_MATCH = ("application_type", "security_type", "pev_id", "pev_mac", "evse_id", "evse_mac", "run_id")
_START = ("application_type", "security_type", "num_sounds", "time_out", "resp_type", "forwarding_sta", "run_id")
_SOUND = ("application_type", "security_type", "sender_id", "cnt", "run_id", "rnd")
_PARM_CNF = ("msound_target", "num_sounds", "time_out", "resp_type", "forwarding_sta", "application_type",
             "security_type", "run_id")  # fmt: skip
_CHAR = ("application_type", "security_type", "source_address", "run_id", "source_id", "resp_id")
_PARM_REQ = ("application_type", "security_type", "run_id")

_BOTH: Known = {
    "CM_SLAC_PARM.REQ": (_PARM_REQ, _plain),
    "CM_SLAC_PARM.CNF": (_PARM_CNF, _plain),
    "CM_START_ATTEN_CHAR.IND": (_START, _any),
    "CM_MNBC_SOUND.IND": (_SOUND, _any),
    "CM_ATTEN_PROFILE.IND": (("pev_mac", "aag"), _any),
    "CM_ATTEN_CHAR.IND": ((*_CHAR, "num_sounds", "aag"), _any),
    "CM_ATTEN_CHAR.RSP": ((*_CHAR, "result"), _any),
    "CM_SLAC_MATCH.REQ": (_MATCH, _any),
    "CM_SLAC_MATCH.CNF": ((*_MATCH, "nid", "nmk"), _any),
}
SCAPY_READS: Known = {
    **_BOTH,
    "CM_SET_KEY.REQ": (
        ("key_type", "my_nonce", "your_nonce", "pid", "pmn", "cco_capability", "nid", "new_eks", "new_key"), _any),
    "CM_SET_KEY.CNF": (("result", "my_nonce", "your_nonce", "pid", "pmn", "cco_capability"), _any),
    "VS_SW_VER.CNF": (("status", "device_id", "version"), _short_version),
}  # fmt: skip
PYSLAC_READS: Known = {**_BOTH, "CM_SET_KEY.CNF": (("result", "my_nonce", "your_nonce"), _any)}
