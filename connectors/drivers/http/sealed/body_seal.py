"""Opens the part of a JSON body that an agency encrypts, and perhaps compresses, for each call."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, Protocol, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from connectors.drivers.http.body_format import UnparsableBody
from connectors.drivers.http.credentials.request_signature import PARTS, fill_parts, require_parts
from connectors.drivers.http.json_body import SMALL_BYTES, count_values, parse_json
from connectors.drivers.http.sealed.lz_string import decompress_pieces
from connectors.drivers.long_work import LongWork
from records.calls.reply_budget import BYTES_PER_VALUE

Iv = Literal["key", "first_block"]
Compression = Literal["none", "lz_string"]

_BLOCK: Final = 16
_NOT_OPENED: Final = "holds a sealed text that the key of this call does not open"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpeningUse:
    """What opening a body uses of its call."""

    work: LongWork
    charge: Callable[[int], None]
    """Charges the call's reply budget with the approximate memory of the opened part. Raises `ReplyBudgetSpent`."""


class BodyOpener(Protocol):
    """Opens the sealed part of a body."""

    async def open(self, value: object, parts: Mapping[str, str], use: OpeningUse) -> object:
        """The body with the opened part, from the parts of the attempt's signature. Raises `UnparsableBody`."""


class NoSeal:
    """Bodies are plain."""

    async def open(self, value: object, parts: Mapping[str, str], use: OpeningUse) -> object:  # noqa: ARG002 - like a seal
        """The same body."""
        return value


NO_SEAL: Final = NoSeal()


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySeal:
    """AES-256 in CBC mode, in base64, over JSON that may be compressed.

    Raises ValueError, with the name of the text, for a part that does not exist.
    """

    at: Sequence[str]
    """The path to the sealed text. What is not a text there stays as it is: a reply that reports a failure has none."""
    key: str = field(repr=False)
    """A text with parts of the attempt's signature; its SHA-256 is the key."""
    iv: Iv = "key"
    """Whether the initialization vector is the beginning of the key, or the first block of the sealed text."""
    compression: Compression = "none"
    max_bytes: int
    """Maximum size of the opened part."""

    def __post_init__(self) -> None:
        """Check the text of the key."""
        require_parts("key", self.key, PARTS)

    async def open(self, value: object, parts: Mapping[str, str], use: OpeningUse) -> object:
        """Replace the sealed text by what it holds."""
        *path, name = self.at
        holder: Any = value
        for each in path:
            holder = holder.get(each) if isinstance(holder, dict) else None
        sealed = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(sealed, str) and sealed:
            plain = await _run(use.work, len(sealed), partial(self._decrypt, sealed, parts))
            if self.compression == "lz_string":
                plain = await self._decompress(plain, use.work)
            use.charge(len(plain) + BYTES_PER_VALUE * count_values(plain))
            holder[name] = await _run(use.work, len(plain), partial(parse_json, plain))
        return value

    def _decrypt(self, sealed: str, parts: Mapping[str, str]) -> bytes:
        key = hashlib.sha256(fill_parts(self.key, parts).encode()).digest()
        try:
            secret = b64decode(sealed, validate=True)
            start, secret = (key[:_BLOCK], secret) if self.iv == "key" else (secret[:_BLOCK], secret[_BLOCK:])
            decryptor, unpadder = Cipher(AES(key), CBC(start)).decryptor(), PKCS7(8 * _BLOCK).unpadder()
            padded = decryptor.update(secret) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise UnparsableBody(_NOT_OPENED) from None

    async def _decompress(self, plain: bytes, work: LongWork) -> bytes:
        try:
            pieces = decompress_pieces(plain.decode("ascii"), self.max_bytes)
            found = [next(pieces, "")]
            while piece := await work.run(partial(next, pieces, "")):
                found.append(piece)
            # The format holds UTF-16: a sign beyond 16 bits comes as two.
            return "".join(found).encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()
        except UnicodeError:
            raise UnparsableBody(_NOT_OPENED) from None


async def _run(work: LongWork, size: int, step: Callable[[], T]) -> T:
    """One step; a long one in its own turn of the event loop."""
    return step() if size <= SMALL_BYTES else await work.run(step)
