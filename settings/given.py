"""The forms in which settings are given, where they are no plain text or number."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyAddress, IPvAnyNetwork, PlainValidator, SecretStr
from pydantic_settings import NoDecode

from auth.data_contracts import DataContract, contracts_of
from auth.issuers import Issuer, issuers_of
from connectors.policies.terms import AgencyTerms, agency_terms
from records.clients import ClientId
from web.listen_address import ListenAddress

_SECRET_BYTES = 32


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _issuers(value: object) -> object:
    return issuers_of(Path(value)) if isinstance(value, (str, Path)) else value


def _agencies(value: object) -> object:
    return agency_terms(Path(value)) if isinstance(value, (str, Path)) else value


def _contracts(value: object) -> object:
    return contracts_of(Path(value)) if isinstance(value, (str, Path)) else value


def _listen(text: str) -> str:
    return str(ListenAddress.parse(text))


def _client(value: object) -> ClientId:
    return value if isinstance(value, ClientId) else ClientId.parse(str(value))


def _long_enough(secret: SecretStr) -> SecretStr:
    try:
        length = len(b64decode(secret.get_secret_value(), validate=True))
    except ValueError:
        length = 0
    if length < _SECRET_BYTES:
        raise ValueError("the secret must hold at least 32 bytes in base64: `openssl rand -base64 32` makes one")
    return secret


def _each_long_enough(secrets: SecretStr) -> SecretStr:
    for each in secrets.get_secret_value().split():
        _long_enough(SecretStr(each))
    return secrets


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""Several values, separated by spaces."""
Addresses = Annotated[tuple[IPvAnyAddress, ...], NoDecode, BeforeValidator(_words)]
"""Several IP addresses, separated by spaces."""
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_words)]
"""Several IP addresses or networks, separated by spaces."""
Issuers = Annotated[tuple[Issuer, ...], NoDecode, BeforeValidator(_issuers)]
"""Given as the path of a file, which is read at once."""
TermsFile = Annotated[AgencyTerms, NoDecode, BeforeValidator(_agencies)]
"""Given as the path of a file, which is read at once."""
Contracts = Annotated[tuple[DataContract, ...], NoDecode, BeforeValidator(_contracts)]
"""Given as the path of a file or a folder, which is read at once."""
Listen = Annotated[str, AfterValidator(_listen)]
"""An IP address and a port."""
Client = Annotated[ClientId, PlainValidator(_client)]
"""An application and its issuer: `city/portal`."""
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=100)]
Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
"""In base64, long enough."""
Secrets = Annotated[SecretStr, AfterValidator(_each_long_enough)]
"""Several of them, separated by spaces."""
