"""Encodes answers as MessagePack, and decodes them only as the declared record types."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from records.calls.answers import CountedList

_COUNTED = b"\xc1"
"""Begins a list with a total, in 8 bytes: a byte that MessagePack never uses."""


class RecordCodec:
    """Encodes and decodes answers of one type.

    Decoding validates the type of every value, so bytes of another form are refused and never become a record.
    """

    def __init__(self, type_: Any) -> None:  # noqa: ANN401 - any type of records
        """Raises `TypeError` for a type that cannot be decoded."""
        self._decoder = msgspec.msgpack.Decoder(type_)
        self._encoder = msgspec.msgpack.Encoder()
        self.form = sha256(repr(msgspec.inspect.type_info(type_)).encode()).hexdigest()[:8]
        """Changes with the form of the records, so that entries in another form are not even looked up."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - an answer of the type
        """Returns the bytes of an answer."""
        body = self._encoder.encode(value)
        return b"".join((_COUNTED, value.total.to_bytes(8), body)) if isinstance(value, CountedList) else body

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - an answer of the type
        """Returns the answer. Raises `ValueError`, the base of msgspec's own errors."""
        if body[:1] == _COUNTED:
            return CountedList.build(self._decoder.decode(body[9:]), int.from_bytes(body[1:9]))
        return self._decoder.decode(body)
