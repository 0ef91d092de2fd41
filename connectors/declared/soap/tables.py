"""The tables of a manifest for a SOAP service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from connectors.declared.service.wire import ServiceWire


class SoapWire(ServiceWire):
    """A SOAP service."""

    driver: Literal["soap"]
    url: SecretStr = Field(description="address of the service, `https://...`")
    user: SecretStr = Field(description="user of the hub")
    password: SecretStr = Field(description="password of the hub")
