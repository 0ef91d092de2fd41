"""Encodes answers as MessagePack, and decodes them only as the declared record types."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec


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
        return self._encoder.encode(value)

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - an answer of the type
        """Returns the answer. Raises `ValueError`, the base of msgspec's own errors."""
        return self._decoder.decode(body)
