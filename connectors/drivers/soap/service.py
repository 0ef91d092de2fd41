"""A SOAP service: its interface, and what the hub sends in the header of each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.drivers.soap.user_tokens import NoUserToken, UserToken
from connectors.drivers.soap.wsdl import SoapVersion, Wsdl

CHARSET: Final = "windows-1252"
"""The default encoding of replies that are not UTF-8, whatever they declare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapService:
    """A SOAP service. The addresses in its WSDLs are not used."""

    wsdls: Sequence[Wsdl]
    version: SoapVersion = "1.1"
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """The header parts of every message, by name, with the text of each element."""
    user_token: UserToken | NoUserToken = field(default_factory=NoUserToken)
    charset: str = CHARSET
    """The encoding of replies that are not UTF-8, whatever they declare."""
