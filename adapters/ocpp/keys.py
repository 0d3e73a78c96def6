"""The configuration keys of OCPP 1.6, and how their values are written.

Writes ``ocpp_settings.contract.yaml``: ``python -m adapters.ocpp.keys > adapters/ocpp/ocpp_settings.contract.yaml``.

Sources: OCPP 1.6 edition 2 chapter 9, 5.3; errata sheet 4.0, 3.80, 3.83; whitepaper "Improved security for OCPP 1.6-J",
edition 3, chapter 2. The specification names one default (MeterValuesSampledData); the others are ours.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NS = 1_000_000_000
LARGEST = 2**31 - 1
"""Of an integer in OCPP."""


class Unreadable(ValueError):
    """A text that is no value of its key."""


@dataclass(frozen=True, slots=True)
class Key:
    """``type`` as a chart sees it, ``default`` in a chart's units. A key whose value is None is not there."""

    type: str
    default: Any
    description: str

    @property
    def secret(self) -> bool:
        """It can be written and never read."""
        return self.type == "bytes?"

    def read(self, text: str) -> Any:
        """The value of a text as ChangeConfiguration has it. Raises :class:`Unreadable`."""
        text = text.strip()
        match self.type.split()[0].rstrip("?"):
            case "bool":
                return _bool(text)
            case "int":
                return _int(text)
            case "duration":
                return _int(text) * NS
            case "list":
                return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
            case "bytes":
                return _key(text)
        return text

    def text(self, value: Any) -> str:
        """A value as GetConfiguration has it; nothing of a secret."""
        if value is None or self.secret:
            return ""
        match self.type.split()[0].rstrip("?"):
            case "bool":
                return "true" if value else "false"
            case "duration":
                return str(value // NS)
            case "list":
                return ",".join(value)
        return str(value)


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Unreadable("true or false was expected")
    return text.lower() == "true"


def _int(text: str) -> int:
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10 or int(digits) > LARGEST:
        raise Unreadable("an integer was expected")
    return int(text)


def _key(text: str) -> bytes:
    """Hexadecimal digits on the wire; a text that can be none stands for itself (field: central systems send both)."""
    if 32 <= len(text) <= 40 and len(text) % 2 == 0 and all(digit in string.hexdigits for digit in text):
        return bytes.fromhex(text)
    return text.encode()


def _seconds(default: int, description: str) -> Key:
    return Key("duration", default * NS, description)


def _most(default: int, description: str) -> Key:
    return Key("int", default, description)


KEYS: Mapping[str, Key] = {
    # Core
    "AllowOfflineTxForUnknownId": Key("bool", False, "Offline, a card nobody knows may charge"),
    "AuthorizationCacheEnabled": Key("bool", True, "Cards are remembered"),
    "AuthorizeRemoteTxRequests": Key("bool", False, "A remote start is authorised like a card"),
    "BlinkRepeat": Key("int?", None, "How often lights blink; not there without lights"),
    "ClockAlignedDataInterval": _seconds(0, "Between two clock-aligned meter values, from midnight UTC on; 0: none"),
    "ConnectionTimeOut": _seconds(60, "From the card to the plug, or the other way round"),
    "ConnectorPhaseRotation": Key("list of string", ["0.Unknown"], "CONNECTOR.ROTATION each; of DC NotApplicable"),
    "ConnectorPhaseRotationMaxLength": _most(20, "Elements at most"),
    "GetConfigurationMaxKeys": _most(100, "Keys asked for at once at most"),
    "HeartbeatInterval": _seconds(300, "The answer to a BootNotification may change it"),
    "LightIntensity": Key("int %?", None, "Of the lights; not there without lights"),
    "LocalAuthorizeOffline": Key("bool", True, "Offline, cards are authorised by the local list and the cache"),
    "LocalPreAuthorize": Key("bool", False, "Online too: a known card is not asked for first"),
    "MaxEnergyOnInvalidId": Key(
        "int Wh?", None, "What a card that turns out invalid may still take; not there: nothing"
    ),
    "MessageTimeout": _seconds(30, "For an answer of the central system"),
    "MeterValueSampleInterval": _seconds(60, "Between two sampled meter values; 0: none"),
    "MeterValuesAlignedData": Key(
        "list of string", ["Energy.Active.Import.Register"], "Measurands, aligned to the clock"
    ),
    "MeterValuesAlignedDataMaxLength": _most(20, "Elements at most"),
    "MeterValuesSampledData": Key("list of string", ["Energy.Active.Import.Register"], "Measurands, sampled"),
    "MeterValuesSampledDataMaxLength": _most(20, "Elements at most"),
    "MinimumStatusDuration": _seconds(0, "A status that lasts shorter is not told"),
    "NumberOfConnectors": _most(1, "Without connector 0; the station knows it"),
    "ResetRetries": _most(3, "Resets that are tried again"),
    "StopTransactionMaxMeterValues": Key("int?", None, "Meter values in a StopTransaction at most; not there: all"),
    "StopTransactionOnEVSideDisconnect": Key("bool", True, "A cable pulled out of the vehicle ends the transaction"),
    "StopTransactionOnInvalidId": Key("bool", True, "So does a card that turns out invalid"),
    "StopTxnAlignedData": Key("list of string", [], "Measurands in a StopTransaction, aligned to the clock"),
    "StopTxnAlignedDataMaxLength": _most(20, "Elements at most"),
    "StopTxnSampledData": Key("list of string", [], "Measurands in a StopTransaction, sampled"),
    "StopTxnSampledDataMaxLength": _most(20, "Elements at most"),
    "SupportedFeatureProfiles": Key(
        "list of string",
        ["Core", "FirmwareManagement", "LocalAuthListManagement", "Reservation", "SmartCharging", "RemoteTrigger"],
        "Profiles of OCPP 1.6",
    ),
    "SupportedFeatureProfilesMaxLength": _most(6, "Elements at most"),
    "TransactionMessageAttempts": _most(3, "Sends of one message of a transaction in all"),
    "TransactionMessageRetryInterval": _seconds(60, "Before the next send, times the sends so far"),
    "UnlockConnectorOnEVSideDisconnect": Key("bool", True, "A cable pulled out of the vehicle is unlocked here"),
    "WebSocketPingInterval": _seconds(30, "Between two questions whether the line is alive; 0: none"),
    # Firmware
    "SupportedFileTransferProtocols": Key("list of string", ["HTTP", "HTTPS"], "Of firmware, diagnostics and logs"),
    # LocalAuthListManagement
    "LocalAuthListEnabled": Key("bool", True, "The local list counts"),
    "LocalAuthListMaxLength": _most(10_000, "Cards in it at most"),
    "SendLocalListMaxLength": _most(1_000, "Cards in one SendLocalList at most"),
    # Reservation
    "ReserveConnectorZeroSupported": Key("bool", True, "One connector may be kept for somebody, whichever it is"),
    # SmartCharging
    "ChargeProfileMaxStackLevel": _most(10, "Highest stackLevel"),
    "ChargingScheduleAllowedChargingRateUnit": Key("list of string", ["Current", "Power"], "Current, Power or both"),
    "ChargingScheduleMaxPeriods": _most(100, "Periods of a schedule at most"),
    "ConnectorSwitch3to1PhaseSupported": Key("bool", False, "AC may change to one phase while it charges"),
    "MaxChargingProfilesInstalled": _most(50, "Profiles at most"),
    # Security
    "AdditionalRootCertificateCheck": Key("bool", False, "One root of the central system, checked by the one before"),
    "AuthorizationKey": Key("bytes?", None, "The password of HTTP Basic, 16 to 20 octets"),
    "CertificateSignedMaxChainSize": _most(10_000, "Octets of a CertificateSigned at most"),
    "CertificateStoreMaxLength": _most(20, "Certificates at most"),
    "CpoName": Key("string", "", "Who operates it; O of its certificate"),
    "SecurityProfile": Key("int", 0, "0 to 3"),
}

HEAD = """\
# Written by `python -m adapters.ocpp.keys`; do not edit.
contract: ocpp_settings
description: >-
  The configuration keys of OCPP 1.6, as values. They are in the file (fsync) when `write` ends, and the same after a
  restart. A key whose value is None is not there. Which may be changed, and to what, is the chart's.
source: OCPP 1.6 edition 2 chapter 9; errata sheet 4.0; OCPP 1.6 security whitepaper edition 3
lane: OCPP
local: [look, understand, write, declare, changed, failed]
actions:
  look:
    description: >-
      Keys and their texts as GetConfiguration has them; without `key`, or with an empty one, all. Those that are not
      there are in `unknownKey`. A text that is '' is not said: of a secret, and of what is empty.
    args: {key: 'list of string?'}
    result: {key: list of string, value: list of string, unknownKey: list of string}
  understand:
    description: >-
      What a text would mean for a key. `key` as the standard writes it, `number` of an integer (of seconds, in them),
      `items` of a list and how many there may be at `most`, `length` of a text or secret in octets. Fails with
      `unknown` or `unreadable`.
    args: {key: string, value: {type: string, secret: true}}
    result: {key: string, number: 'int?', items: list of string, most: 'int?', length: int}
  write:
    description: The key has this value from now on.
    args: {key: string, value: {type: string, secret: true}}
    result: {}
  declare:
    description: What the station knows of itself (NumberOfConnectors). Not kept, and no change.
    args: {key: string, value: string}
events:
  changed: {description: The key has another value., payload: {key: string}}
  failed:
    description: The file cannot be read or written.
    payload: {reason: string}
values:
"""


def text() -> str:
    """The contract."""
    return HEAD + "".join(_line(name, key) for name, key in KEYS.items())


def _line(name: str, key: Key) -> str:
    kind = f"'{key.type}', secret: true" if key.secret else f"'{key.type}'"
    return f'  {name}: {{type: {kind}, description: "{key.description}"}}\n'


if __name__ == "__main__":
    print(text(), end="")
