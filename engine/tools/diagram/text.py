"""Widths of text, measured without an installed font: the same on every machine, so drawings are stable byte for byte.

The tables are the advance widths (1/1000 em) of Bitstream Vera Sans, which DejaVu Sans keeps for these characters and
which reportlab ships, so PDF and PNG are set in exactly this font. In an SVG every text carries its ``textLength``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_REGULAR: Final[dict[int, str]] = {
    167: "∕",
    275: "'",
    278: "ijlìíîïı",
    284: "ł",
    295: "IJÌÍÎÏİ",
    318: " ,.·‘’‚∙",
    337: "/:;\\|¦",
    352: "f",
    361: "-",
    390: "()[]",
    392: "t",
    400: "‹›",
    401: "!¡²³¹",
    411: "r",
    460: '"',
    471: "ªº",
    494: "◊",
    500: "*_`§¨¯°´¸ˆˇ˘˙˚˛˜˝–†‡",
    517: "∂",
    518: "“”„",
    521: "sşš∫",
    525: "zž",
    531: "?¿",
    550: "cçćč",
    557: "L",
    562: "Ł",
    575: "F",
    579: "k",
    589: "π",
    590: "•",
    592: "vxyýÿ",
    600: "ĎďĐ―‖‗‛‟‣․‥∃∄∅∐∓∔∖∗∘∛∜∝≡≢≣",
    603: "P",
    605: "Þ",
    611: "TYÝŸ",
    612: "o«»ðòóôõöø",
    613: "aàáâãäå",
    615: "eèéêë",
    630: "ß",
    632: "EÈÉÊË",
    634: "hnuñùúûü",
    635: "SbdgpqþđğŞŠ",
    636: "$0123456789{}¢£¤¥µ¶ƒ€",
    637: "√",
    656: "K",
    669: "∆",
    674: "∑",
    684: "AVÀÁÂÃÄÅ",
    685: "XZŽ",
    686: "B",
    695: "R",
    698: "CÇĆČ",
    732: "UÙÚÛÜ",
    748: "NÑ",
    752: "H",
    757: "∏",
    764: "Ω",
    770: "D",
    775: "GÐĞ",
    780: "&",
    787: "OQÒÓÔÕÖØ",
    818: "w",
    833: "∞",
    838: "#+<=>^~¬±×÷−≈≠≤≥",
    863: "M",
    950: "%",
    969: "¼½¾",
    974: "mÆ",
    982: "æ",
    989: "W",
    1000: "@©®—…™",
    1023: "œ",
    1070: "Œ",
    1342: "‰",
}

_BOLD: Final[dict[int, str]] = {
    167: "∕",
    306: "'",
    343: "ijlìíîïı",
    348: " ",
    365: "/\\|¦",
    371: "ł",
    372: "IJÌÍÎÏİ",
    380: ",.·‘’‚∙",
    400: ":;",
    412: "‹›",
    415: "-",
    435: "f",
    438: "²³¹",
    456: "!¡",
    457: "()[]",
    478: "t",
    493: "r",
    494: "◊",
    500: "_`§¨¯°´¸ˆˇ˘˙˚˛˜˝–†‡",
    521: '"',
    523: "*",
    544: "∂",
    564: "ªº",
    580: "?¿",
    582: "zž",
    593: "cçćč",
    595: "sşš",
    600: "ĎďĐ―‖‗‛‟‣․‥∃∄∅∐∓∔∖∗∘∛∜∝≡≢≣",
    610: "∫",
    636: "¤¶",
    637: "L",
    639: "•",
    642: "Ł",
    644: "π",
    645: "x",
    646: "«»",
    652: "vyýÿ",
    657: "“”„",
    665: "k",
    667: "√",
    675: "aàáâãäå",
    678: "eèéêë",
    682: "T",
    683: "EFÈÉÊË",
    687: "oðòóôõöø",
    696: "$0123456789¢£¥ƒ€",
    697: "∆",
    712: "hnu{}ñùúûü",
    716: "bdgpqþđğ",
    718: "∑",
    719: "ß",
    720: "SŞŠ",
    724: "YÝŸ",
    725: "ZŽ",
    733: "P",
    734: "CÇĆČ",
    736: "µ",
    738: "Þ",
    762: "B",
    769: "Ω",
    770: "R",
    771: "X",
    774: "AVÀÁÂÃÄÅ",
    775: "K",
    787: "∏",
    812: "UÙÚÛÜ",
    821: "GĞ",
    830: "D",
    833: "∞",
    837: "HNÑ",
    838: "#+<=>^~¬±Ð×÷−≈≠≤≥",
    850: "OQÒÓÔÕÖØ",
    872: "&",
    924: "w",
    995: "M",
    1000: "@©®—…™",
    1002: "%",
    1035: "¼½¾",
    1042: "m",
    1048: "æ",
    1085: "Æ",
    1094: "œ",
    1103: "W",
    1167: "Œ",
    1440: "‰",
}

_WIDTH: Final = {c: w for w, chars in _REGULAR.items() for c in chars}
_WIDTH_BOLD: Final = {c: w for w, chars in _BOLD.items() for c in chars}
_SHORT_BRACKET: Final = 14
_UNKNOWN: Final = 1000  # characters outside the font are drawn as "?" in PDF and may be this wide in a browser


def drawable(text: str) -> str:
    """``text`` with every character the font lacks (and every control character) replaced by ``?``."""
    return "".join(c if c in _WIDTH else "?" for c in text)


@lru_cache(maxsize=65536)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width of ``text`` set in ``size`` units, in the same units."""
    table = _WIDTH_BOLD if bold else _WIDTH
    return sum(table.get(c, _UNKNOWN) for c in text) * size / 1000


def shorten(text: str, limit: int) -> str:
    """``text`` cut to at most ``limit`` characters, with an ellipsis at a word end where there is one near."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ")
    if space > limit * 2 // 3:
        cut = cut[:space]
    return cut.rstrip() + "…"


def cut_middle(text: str, limit: int) -> str:
    """``text`` cut in its middle to at most ``limit`` characters: its two ends say more than its beginning alone."""
    if len(text) <= limit:
        return text
    head = (limit - 1) * 3 // 5
    return f"{text[:head].rstrip()}…{text[len(text) - (limit - 1 - head) :].lstrip()}"


def wrap(text: str, limit: int) -> list[str]:
    """``text`` in lines of at most ``limit`` characters, broken at spaces, else after ``.``, ``_`` or ``(``, else
    anywhere. Lines never lose a character but the spaces they are broken at."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        rest = paragraph.strip()
        while len(rest) > limit:
            space = rest.rfind(" ", limit // 4, limit + 1)
            bracket = rest.rfind(" (", limit // 3, space)
            if bracket > 0 and rest.find(")", space) - bracket < _SHORT_BRACKET and ")" not in rest[bracket:space]:
                space = bracket  # "(20 ms)" stays in one piece
            if space > 0:
                lines.append(rest[:space].rstrip())
                rest = rest[space:].lstrip()
                continue
            point = max(rest.rfind(c, limit // 3, limit) for c in "._(,")
            cut = point + 1 if point > 0 else limit
            lines.append(rest[:cut])
            rest = rest[cut:]
        if rest:
            lines.append(rest)
    return lines
