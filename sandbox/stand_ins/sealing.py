"""Seals replies as an agency does: LZ-string, then AES-256 in CBC mode with the key of the call, then base64."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

_SIGNS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
_END: Final = 2
_SHORT: Final = 256
"""Characters below it take 8 bits, others 16."""


def seal_body(body: bytes, table: Mapping[str, Any], parts: Mapping[str, str]) -> bytes:
    """A JSON body with its part sealed, if there is something in it. `parts` are those of the request's signature."""
    value = json.loads(body)
    *path, name = table["at"].split(".")
    holder = value
    for each in path:
        holder = holder.get(each, {})
    if isinstance(holder, dict) and holder.get(name):
        plain = json.dumps(holder[name], ensure_ascii=False, separators=(",", ":"))
        compressed = compress(plain) if table.get("compression") == "lz_string" else plain
        text = re.sub(r"\{([a-z0-9_]+)\}", lambda found: parts[found[1]], table["key"])
        holder[name] = _encrypt(compressed.encode(), hashlib.sha256(text.encode()).digest(), table.get("iv", "key"))
    return json.dumps(value).encode()


def _encrypt(plain: bytes, key: bytes, kind: str) -> str:
    start = key[:16] if kind == "key" else hashlib.sha256(key + plain).digest()[:16]
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(key), CBC(start)).encryptor()
    secret = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return b64encode(secret if kind == "key" else start + secret).decode()


def compress(text: str) -> str:
    """As `compressToEncodedURIComponent` of npm's `lz-string` 1.5."""
    units = text.encode("utf-16-le")
    characters = [chr(int.from_bytes(units[at : at + 2], "little")) for at in range(0, len(units), 2)]
    writer, phrase = _PhraseWriter(), ""
    for each in characters:
        writer.learn_character(each)
        if phrase + each in writer.codes:
            phrase += each
        else:
            writer.write(phrase)
            writer.learn(phrase + each)
            phrase = each
    if phrase:
        writer.write(phrase)
    return writer.finish()


class _PhraseWriter:
    """Writes phrases by their codes, and a character that has none yet by itself."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self._new: set[str] = set()
        self._bits: list[str] = []
        self._width, self._left = 2, 2

    def learn(self, phrase: str) -> None:
        """Give the next code to a phrase."""
        self.codes[phrase] = len(self.codes) + 3

    def learn_character(self, character: str) -> None:
        """Give the next code to a character, unless it has one."""
        if character not in self.codes:
            self.learn(character)
            self._new.add(character)

    def write(self, phrase: str) -> None:
        """Write one phrase."""
        if not phrase:
            return
        if phrase in self._new:
            self._new.remove(phrase)
            is_long = ord(phrase) >= _SHORT
            self._write_number(int(is_long), self._width)
            self._write_number(ord(phrase), 16 if is_long else 8)
            self._count()
        else:
            self._write_number(self.codes[phrase], self._width)
        self._count()

    def finish(self) -> str:
        """The whole text, six bits a sign."""
        self._write_number(_END, self._width)
        bits = "".join(self._bits)
        bits += "0" * (6 - len(bits) % 6)
        return "".join(_SIGNS[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))

    def _write_number(self, number: int, width: int) -> None:
        self._bits.append(f"{number:0{width}b}"[::-1])

    def _count(self) -> None:
        self._left -= 1
        if not self._left:
            self._left, self._width = 1 << self._width, self._width + 1
