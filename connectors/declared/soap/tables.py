"""The tables of a manifest for a SOAP service."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.declared.service.wire import ServiceWire
from connectors.declared.tables import Columns, KeyedReadTable, ManifestTable
from connectors.drivers.soap.service import CHARSET
from connectors.drivers.soap.wsdl import SoapVersion

_PLACEHOLDERS: Final = ("{user}", "{password}")


def _check_charset(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError("an unknown encoding; write `windows-1252`, `iso-8859-1` or `utf-8`") from None
    return name


class UserTokenTable(ManifestTable):
    """How the hub's user is in the header of each message (WS-Security `UsernameToken`)."""

    digest: bool = Field(
        default=True, description="whether the password is sent as a digest, with a nonce and the time"
    )
    timestamp: int | None = Field(
        default=None,
        ge=1,
        le=3600,
        description="seconds for which a message is valid, if the agency wants a `Timestamp`",
    )


class SoapWire(ServiceWire):
    """A SOAP service."""

    driver: Literal["soap"]
    url: SecretStr = Field(description="address of the service, `https://...`; that in the WSDL is not used")
    wsdl: Columns = Field(
        min_length=1, max_length=8, description="WSDL in the folder `wsdl` of the city, or a list. Nothing is fetched"
    )
    version: SoapVersion = Field(default="1.1", description="version of SOAP, `1.1` or `1.2`")
    user: SecretStr | None = Field(default=None, description="user of the hub, for `headers` or `user_token`")
    password: SecretStr | None = Field(default=None, description="password of the hub, for the same")
    headers: Mapping[str, Mapping[str, SecretStr]] = Field(
        default={},
        description="header parts of the WSDL, by name, with the text of each element: `{user}`, `{password}` or"
        " another",
    )
    user_token: UserTokenTable | None = Field(default=None, description="table: WS-Security, the user in each message")
    charset: Annotated[str, AfterValidator(_check_charset)] = Field(
        default=CHARSET, description="encoding of replies that are not UTF-8, whatever they declare"
    )

    @model_validator(mode="after")
    def _check_user(self) -> Self:
        sent = {each.get_secret_value() for part in self.headers.values() for each in part.values()}
        for name, given in (("user", self.user), ("password", self.password)):
            is_sent = self.user_token is not None or f"{{{name}}}" in sent
            if is_sent and given is None:
                raise ValueError(f"{name}: give it, because messages hold it")
            if given is not None and not is_sent:
                raise ValueError(f"{name}: no message holds it; write {{{name}}} in headers, or add user_token")
        return self

    def build_headers(self) -> dict[str, dict[str, str]]:
        """The texts of each header part."""
        given = {"{user}": self.user, "{password}": self.password}
        texts = {name: each.get_secret_value() for name, each in given.items() if each is not None}
        return {
            part: {name: texts.get(text := each.get_secret_value(), text) for name, each in elements.items()}
            for part, elements in self.headers.items()
        }

    def list_credentials(self) -> dict[str, str]:
        """The secrets beside the address and the user, by their place in the manifest."""
        return {place: each for place, each in super().list_credentials().items() if each not in _PLACEHOLDERS}


Arguments = Mapping[str, Any]
"""Texts, tables and lists of them; `requests.py` checks them by the WSDL."""


class SoapReadTable(KeyedReadTable):
    """A read of the domain over SOAP: one call for each key, or one for any number of keys."""

    operation: str = Field(min_length=1, description="operation of the WSDL")
    arguments: Arguments = Field(
        default={},
        description="its elements by name; texts hold `{key}`, tables are elements, and `{keys}` repeats an element for"
        " each key of one call",
    )
    rows: str = Field(
        default="",
        max_length=200,
        description="path to the element of a row; empty: the reply itself. `objek[].tagihan` takes the rows within"
        " each `objek`, which is `^` there: `^.nik`",
    )
    key: str | None = Field(
        default=None,
        description="column that repeats the key in each row. Needed for `{keys}`, and for numbers of people",
    )
    id: str | None = Field(
        default=None, description="field of the record that identifies it; a record for two keys is given to neither"
    )
    shared: str | None = Field(
        default=None, max_length=200, description="regular expression of identifiers that several keys may have"
    )
    match: Mapping[str, Columns] = Field(
        default={}, description="lists within a row, with the columns that each of their rows repeats of it"
    )

    @property
    def takes_batches(self) -> bool:
        """Whether an argument takes all keys."""
        return "{keys}" in str(self.arguments)
