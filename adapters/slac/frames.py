"""HomePlug Green PHY frames: octets to messages and back. Sans-I/O, total.

    message = decode(frame)                  # an Mme (CmSlacParmReq, …) or a BadFrame, never an exception
    frame = CmSlacParmReq(BROADCAST, mac, run_id).encode()

Sources: see the modules of the layouts; the header is HomePlug Green PHY 1.1 clause 11.1.
"""

from __future__ import annotations

from adapters.slac.fields import Malformed
from adapters.slac.keys import CmGetKeyCnf, CmGetKeyReq, CmSetKeyCnf, CmSetKeyReq, nid_from_nmk
from adapters.slac.matching import (
    CmAmpMapCnf,
    CmAmpMapReq,
    CmAttenCharInd,
    CmAttenCharRsp,
    CmAttenProfileInd,
    CmMnbcSoundInd,
    CmSlacMatchCnf,
    CmSlacMatchReq,
    CmSlacParmCnf,
    CmSlacParmReq,
    CmStartAttenCharInd,
    CmValidateCnf,
    CmValidateReq,
)
from adapters.slac.mme import (
    BROADCAST,
    BY_MMTYPE,
    FIRST_VS,
    HEADER_END_CM,
    HEADER_END_VS,
    HEADER_END_VS_FMI,
    LOCALCAST,
    MAX_FRAME,
    BadFrame,
    FieldError,
    Mme,
)
from adapters.slac.vendor import (
    VsAttenuationCharacteristicsInd,
    VsNwInfoCnf,
    VsNwInfoReq,
    VsOpAttributesCnf,
    VsOpAttributesReq,
    VsPlLinkStatusCnf,
    VsPlLinkStatusReq,
    VsRsDevCnf,
    VsRsDevReq,
    VsSwVerCnf,
    VsSwVerReq,
)

MESSAGES: tuple[type[Mme], ...] = tuple(sorted(BY_MMTYPE.values(), key=lambda message: message.__name__))
"""Every message class, by MMTYPE in :data:`BY_MMTYPE` and by the standard's name in :data:`BY_NAME`."""
BY_NAME: dict[str, type[Mme]] = {message.NAME: message for message in MESSAGES}

__all__ = [
    "BROADCAST",
    "BY_MMTYPE",
    "BY_NAME",
    "LOCALCAST",
    "MESSAGES",
    "BadFrame",
    "CmAmpMapCnf",
    "CmAmpMapReq",
    "CmAttenCharInd",
    "CmAttenCharRsp",
    "CmAttenProfileInd",
    "CmGetKeyCnf",
    "CmGetKeyReq",
    "CmMnbcSoundInd",
    "CmSetKeyCnf",
    "CmSetKeyReq",
    "CmSlacMatchCnf",
    "CmSlacMatchReq",
    "CmSlacParmCnf",
    "CmSlacParmReq",
    "CmStartAttenCharInd",
    "CmValidateCnf",
    "CmValidateReq",
    "FieldError",
    "Mme",
    "VsAttenuationCharacteristicsInd",
    "VsNwInfoCnf",
    "VsNwInfoReq",
    "VsOpAttributesCnf",
    "VsOpAttributesReq",
    "VsPlLinkStatusCnf",
    "VsPlLinkStatusReq",
    "VsRsDevCnf",
    "VsRsDevReq",
    "VsSwVerCnf",
    "VsSwVerReq",
    "decode",
    "mmtype_of",
    "name_of",
    "nid_from_nmk",
]


def decode(frame: bytes) -> Mme | BadFrame:
    """The message in an Ethernet ``frame``, or a ``BadFrame`` with the reason. Total: it never raises, and the frame's
    contents never make it loop.

    Longer frames than the table are accepted (padding, and open-plc-utils' CM_ATTEN_CHAR.IND of 326 octets).
    """
    if len(frame) < HEADER_END_CM or len(frame) > MAX_FRAME:
        return _bad_length(frame)
    if frame[12] != 0x88 or frame[13] != 0xE1:
        return BadFrame("ethertype", -1, f"octet 12: ethertype {frame[12:14].hex()}, expected 88e1", frame[6:12])
    mmv = frame[14]
    mmtype = frame[15] | frame[16] << 8
    message = BY_MMTYPE.get(mmtype)
    if message is None:
        return BadFrame("unknown_mmtype", mmtype, f"octet 15: MMTYPE 0x{mmtype:04x} is not known", frame[6:12])
    if mmv > 2 or (mmv == 0 and mmtype < FIRST_VS):
        return BadFrame("mmv", mmtype, f"octet 14: MMV {mmv} of {message.NAME}", frame[6:12])
    if mmv and frame[17]:
        return BadFrame("fragment", mmtype, f"octet 17: {message.NAME} is a fragment (FMNI {frame[17]})", frame[6:12])
    at = HEADER_END_CM
    if mmtype >= FIRST_VS:
        at = HEADER_END_VS_FMI if mmv else HEADER_END_VS
        if len(frame) < at:
            return BadFrame("short", mmtype, f"{len(frame)} octets, the header of {message.NAME} has {at}", frame[6:12])
        if frame[at - 3 : at] not in message.OUIS:
            wanted = " or ".join(oui.hex() for oui in message.OUIS)
            reason = f"octet {at - 3}: OUI {frame[at - 3 : at].hex()} of {message.NAME}, expected {wanted}"
            return BadFrame("unknown_oui", mmtype, reason, frame[6:12])
    try:
        found: Mme = message.TABLES[mmv > 0].read(frame)[0]
    except Malformed as bad:
        return BadFrame(bad.kind, mmtype, f"{message.NAME}: {bad.reason}", frame[6:12], bad.message)
    return found


def mmtype_of(frame: bytes) -> int:
    """MMTYPE in the header of a HomePlug frame; -1 for another frame or one that ends before it."""
    return frame[15] | frame[16] << 8 if len(frame) >= 17 and frame[12:14] == b"\x88\xe1" else -1


def name_of(frame: bytes) -> str:
    """Name of a frame for logs and fault rules: the standard's name, ``0x6034`` for an unknown MMTYPE, ``IP`` or
    ``ETH``."""
    mmtype = mmtype_of(frame)
    if mmtype < 0:
        return "IP" if frame[12:14] in (b"\x86\xdd", b"\x08\x00") else "ETH"
    message = BY_MMTYPE.get(mmtype)
    return message.NAME if message else f"0x{mmtype:04x}"


def _bad_length(frame: bytes) -> BadFrame:
    mmtype = mmtype_of(frame)
    if len(frame) > MAX_FRAME:
        return BadFrame("too_long", mmtype, f"{len(frame)} octets, at most {MAX_FRAME} are taken", frame[6:12])
    return BadFrame("short", mmtype, f"{len(frame)} octets, a header has {HEADER_END_CM}", frame[6:12])
