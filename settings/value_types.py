"""Types of settings that are neither plain text nor numbers."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyAddress, IPvAnyNetwork, PlainValidator, SecretStr
from pydantic_settings import NoDecode

from auth.policy.data_contracts import DataContract, load_contracts
from auth.tokens.issuers import Issuer, load_issuers
from connectors.resilience.agency_terms import AgencyTermsFile, load_agency_terms
from records.hub.clients import ClientId
from settings.city.folder import CityFolder, load_city
from web.server.listen_address import ListenAddress

_MIN_SECRET_BYTES = 32


def _split_words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _load_issuers(value: object) -> object:
    return load_issuers(Path(value)) if isinstance(value, (str, Path)) else value


def _load_agency_terms(value: object) -> object:
    return load_agency_terms(Path(value)) if isinstance(value, (str, Path)) else value


def _load_city(value: object) -> object:
    return load_city(Path(value)) if isinstance(value, (str, Path)) else value


def _load_contracts(value: object) -> object:
    return load_contracts(Path(value)) if isinstance(value, (str, Path)) else value


def _normalize_address(text: str) -> str:
    return str(ListenAddress.parse(text))


def _parse_client(value: object) -> ClientId:
    return value if isinstance(value, ClientId) else ClientId.parse(str(value))


def _check_secret_length(secret: SecretStr) -> SecretStr:
    try:
        length = len(b64decode(secret.get_secret_value(), validate=True))
    except ValueError:
        length = 0
    if length < _MIN_SECRET_BYTES:
        raise ValueError("the secret must hold at least 32 bytes in base64: `openssl rand -base64 32` makes one")
    return secret


def _check_secret_lengths(secrets: SecretStr) -> SecretStr:
    for each in secrets.get_secret_value().split():
        _check_secret_length(SecretStr(each))
    return secrets


SpaceSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
"""Several values, separated by spaces."""
Addresses = Annotated[tuple[IPvAnyAddress, ...], NoDecode, BeforeValidator(_split_words)]
"""Several IP addresses, separated by spaces."""
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_split_words)]
"""Several IP addresses or networks, separated by spaces."""
Issuers = Annotated[tuple[Issuer, ...], NoDecode, BeforeValidator(_load_issuers)]
"""The path of a file, which is read immediately."""
TermsFile = Annotated[AgencyTermsFile, NoDecode, BeforeValidator(_load_agency_terms)]
"""The path of a file, which is read immediately."""
Contracts = Annotated[tuple[DataContract, ...], NoDecode, BeforeValidator(_load_contracts)]
"""The path of a file or a folder, which is read immediately."""
City = Annotated[CityFolder, NoDecode, BeforeValidator(_load_city)]
"""The path of a city folder, which is read immediately."""
ListenText = Annotated[str, AfterValidator(_normalize_address)]
"""An IP address and a port."""
ClientReference = Annotated[ClientId, PlainValidator(_parse_client)]
"""A client with its issuer: `city/portal`."""
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=100)]
Secret = Annotated[SecretStr, AfterValidator(_check_secret_length)]
"""A secret in base64, with at least 32 bytes."""
Secrets = Annotated[SecretStr, AfterValidator(_check_secret_lengths)]
"""Several secrets, separated by spaces."""
