"""Sample data requests, as the table stores them."""

from __future__ import annotations

from typing import Any

from records.hub.data_requests import DataRequestKind
from records.purposes import Purpose
from store.rights.data_request_table import SealedDataRequest

SITI, BUDI = b"s" * 32, b"b" * 32


def build_request(number: str = "HAK-1", **given: Any) -> SealedDataRequest:  # noqa: ANN401 - any field
    return SealedDataRequest(
        **{
            "number": number,
            "subject": SITI,
            "key": number.encode().ljust(32, b"."),
            "kind": DataRequestKind.CORRECTION,
            "agency": "dukcapil",
            "field": "Residence.address",
            "purposes": (),
            "texts": b"sealed",
            **given,
        }
    )


def build_restriction(number: str = "HAK-9", *purposes: Purpose) -> SealedDataRequest:
    return build_request(number, kind=DataRequestKind.RESTRICTION, agency=None, field=None, purposes=purposes)
