"""Random valid messages of every kind, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from adapters.slac import frames as f
from adapters.slac.mme import Mme
from adapters.slac.vendor import NetworkInfo, StationInfo

u8, u16, u32 = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)


def octets(length: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=length, max_size=length)


mac, run_id, station_id, nid, key, nonce = (octets(n) for n in (6, 8, 17, 7, 16, 4))
aag = st.binary(min_size=1, max_size=255)
version = st.text(st.characters(max_codepoint=255), max_size=255)


@st.composite
def parm_req(draw: st.DrawFn) -> Mme:
    security = draw(u8)
    suites = draw(st.lists(u16, max_size=255).map(tuple)) if security == 1 else ()
    return f.CmSlacParmReq(draw(mac), draw(mac), draw(run_id), draw(u8), security, suites)


@st.composite
def parm_cnf(draw: st.DrawFn) -> Mme:
    security = draw(u8)
    head = (draw(run_id), draw(mac), draw(u8), draw(u8), draw(mac), draw(u8), draw(u8), security)
    return f.CmSlacParmCnf(draw(mac), draw(mac), *head, draw(u16) if security == 1 else 0)


@st.composite
def amp_map(draw: st.DrawFn) -> Mme:
    amlen = draw(st.integers(0, 2994))
    return f.CmAmpMapReq(draw(mac), draw(mac), amlen, draw(octets((amlen + 1) // 2)))


station = st.builds(StationInfo, mac, u8, mac, u16, u16)
network = st.builds(NetworkInfo, nid, u8, u8, u8, mac, u8, st.lists(station, max_size=4).map(tuple))

BY_NAME: dict[str, st.SearchStrategy[Mme]] = {
    "CM_SET_KEY.REQ": st.builds(f.CmSetKeyReq, mac, mac, nid, key, u8, nonce, nonce, u8, u16, u8, u8, u8),
    "CM_SET_KEY.CNF": st.builds(f.CmSetKeyCnf, mac, mac, u8, nonce, nonce, u8, u16, u8, u8),
    "CM_GET_KEY.REQ": st.builds(f.CmGetKeyReq, mac, mac, u8, u8, nid, nonce, u8, u16, u8),
    "CM_GET_KEY.CNF": st.builds(f.CmGetKeyCnf, mac, mac, u8, u8, nonce, nonce, nid, u8, u8, u16, u8, key),
    "CM_SLAC_PARM.REQ": parm_req(),
    "CM_SLAC_PARM.CNF": parm_cnf(),
    "CM_START_ATTEN_CHAR.IND": st.builds(f.CmStartAttenCharInd, mac, mac, u8, u8, u8, u8, u8, mac, run_id),
    "CM_MNBC_SOUND.IND": st.builds(f.CmMnbcSoundInd, mac, mac, u8, u8, station_id, u8, run_id, key),
    "CM_ATTEN_PROFILE.IND": st.builds(f.CmAttenProfileInd, mac, mac, mac, aag),
    "CM_ATTEN_CHAR.IND": st.builds(f.CmAttenCharInd, mac, mac, mac, run_id, u8, aag, station_id, station_id, u8, u8),
    "CM_ATTEN_CHAR.RSP": st.builds(f.CmAttenCharRsp, mac, mac, u8, u8, mac, run_id, station_id, station_id, u8),
    "CM_VALIDATE.REQ": st.builds(f.CmValidateReq, mac, mac, u8, u8, u8),
    "CM_VALIDATE.CNF": st.builds(f.CmValidateCnf, mac, mac, u8, u8, u8),
    "CM_SLAC_MATCH.REQ": st.builds(f.CmSlacMatchReq, mac, mac, mac, mac, run_id, station_id, station_id, u8, u8),
    "CM_SLAC_MATCH.CNF": st.builds(
        f.CmSlacMatchCnf, mac, mac, mac, mac, run_id, nid, key, station_id, station_id, u8, u8
    ),
    "CM_AMP_MAP.REQ": amp_map(),
    "CM_AMP_MAP.CNF": st.builds(f.CmAmpMapCnf, mac, mac, u8),
    "VS_SW_VER.REQ": st.builds(f.VsSwVerReq, mac, mac),
    "VS_SW_VER.CNF": st.builds(f.VsSwVerCnf, mac, mac, u8, u8, version),
    "VS_RS_DEV.REQ": st.builds(f.VsRsDevReq, mac, mac),
    "VS_RS_DEV.CNF": st.builds(f.VsRsDevCnf, mac, mac, u8),
    "VS_PL_LINK_STATUS.REQ": st.builds(f.VsPlLinkStatusReq, mac, mac),
    "VS_PL_LINK_STATUS.CNF": st.builds(f.VsPlLinkStatusCnf, mac, mac, u8, u8),
    "VS_OP_ATTRIBUTES.REQ": st.builds(f.VsOpAttributesReq, mac, mac, u32, u8),
    "VS_OP_ATTRIBUTES.CNF": st.builds(f.VsOpAttributesCnf, mac, mac, u16, u32, u8, st.binary(max_size=1400)),
    "VS_NW_INFO.REQ": st.builds(f.VsNwInfoReq, mac, mac),
    "VS_NW_INFO.CNF": st.builds(f.VsNwInfoCnf, mac, mac, st.lists(network, max_size=3).map(tuple)),
    "VS_ATTENUATION_CHARACTERISTICS.IND": st.builds(f.VsAttenuationCharacteristicsInd, mac, mac, mac, u8, aag),
}
"""Strategy of each message, by the standard's name. Every message class of the codec has one (a test checks it)."""

messages: st.SearchStrategy[Mme] = st.one_of(*BY_NAME.values())
