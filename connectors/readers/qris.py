"""Reads the content of QRIS codes (EMV merchant-presented mode), which people scan to pay."""

from __future__ import annotations

import binascii
import re
from typing import Final

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError

_KIND: Final = "a QRIS code"
_FIELD: Final = re.compile(r"(\d\d)(\d\d)", re.ASCII)
_START: Final = "000201"
_COUNTRY, _CHECKSUM = ("58", "ID"), "63"
_CHECKSUM_LENGTH: Final = 4
_INITIAL: Final = 0xFFFF


def qris(raw: object) -> str | None:
    """Reads a code whose fields fit their lengths and whose checksum (CRC-16/CCITT-FALSE) is right.

    A damaged code could pay somebody else. Raises `UnreadableError` for it.
    """
    content = text(raw, _KIND)
    if content is None:
        return None
    fields, at = {}, 0
    while (head := _FIELD.match(content, at)) is not None:
        at = head.end() + int(head[2])
        fields[head[1]] = content[head.end() : at]
    checked = content[:-_CHECKSUM_LENGTH].encode()
    is_whole = at == len(content) and content.startswith(_START) and list(fields)[-1] == _CHECKSUM
    if not is_whole or fields.get(_COUNTRY[0]) != _COUNTRY[1]:
        raise UnreadableError(_KIND)
    if f"{binascii.crc_hqx(checked, _INITIAL):04X}" != fields[_CHECKSUM].upper():
        raise UnreadableError(_KIND)
    return content
