"""The tables of a manifest for a SOAP service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from connectors.declared.tables import WireTable


class SoapWire(WireTable):
    """A SOAP service."""

    driver: Literal["soap"]
    url: SecretStr = Field(description="address of the service, `https://...`")
    user: SecretStr = Field(description="user of the hub")
    password: SecretStr = Field(description="password of the hub")
