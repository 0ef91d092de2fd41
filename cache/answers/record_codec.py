"""Answers as bytes: MessagePack, read back by the types of the records and by nothing else."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec


class RecordCodec:
    """Writes answers of one type.

    Reading proves every value's type, so that bytes of another form are refused and never become a record.
    """

    def __init__(self, type_: Any) -> None:  # noqa: ANN401 - any type of records
        """Raises `TypeError` for a type that cannot be read back."""
        self._decoder = msgspec.msgpack.Decoder(type_)
        self._encoder = msgspec.msgpack.Encoder()
        self.form = sha256(repr(msgspec.inspect.type_info(type_)).encode()).hexdigest()[:8]
        """Changes with the form of the records: what was written in another form is not even looked for."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - an answer of the type
        """The bytes of an answer."""
        return self._encoder.encode(value)

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - an answer of the type
        """The answer; raises `ValueError` (of which msgspec's own errors are)."""
        return self._decoder.decode(body)
