"""Payloads of commands as JSON, decoded only as the declared record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

P = TypeVar("P")


class RecordForm(Generic[P]):
    """The form of the payloads of one version: a record as JSON."""

    def __init__(self, record: type[Any], upgrade: Callable[[Any], P] = lambda record: record) -> None:
        """`upgrade` makes a payload of a record. Raises `TypeError` for a record that cannot be decoded."""
        self._decoder = msgspec.json.Decoder(record)
        self._upgrade = upgrade

    def encode(self, payload: P) -> bytes:
        """The bytes of a payload; equal payloads have equal bytes."""
        return msgspec.json.encode(payload)

    def decode(self, stored: bytes) -> Any:  # noqa: ANN401 - P, which the decoder does not tell
        """The payload; raises `ValueError` for bytes of another form."""
        return self._upgrade(self._decoder.decode(stored))
