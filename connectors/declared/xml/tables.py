"""The tables of a manifest for a service over HTTP with XML. Its reads have the tables of HTTP with JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from connectors.declared.service.wire import ServiceWire

Prefix = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class XmlWire(ServiceWire):
    """A service over HTTP with XML."""

    driver: Literal["xml"]
    url: SecretStr = Field(description="base address, `https://...`")
    namespaces: Mapping[Prefix, str] = Field(
        default={},
        description='namespaces whose names have a prefix in paths: `{ geo = "http://www.w3.org/2003/01/geo/" }` for'
        " `geo:lat`. Names of other namespaces have none",
    )
