"""Builds the driver of a SOAP service from its table `[wire]`: WSDLs, header parts, and the hub's user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from connectors.declared.driver_family import DriverParts
from connectors.declared.soap.tables import SoapWire
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.soap.service import SoapService
from connectors.drivers.soap.user_tokens import NoUserToken, UserToken
from connectors.drivers.soap.wsdl import Wsdl, WsdlError

FOLDER: Final = "wsdl"
"""The folder of a city with WSDLs and what they import."""
_NAME: Final = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


def build_soap_driver(wire: SoapWire, http: HttpDriver, parts: DriverParts) -> SoapDriver:
    """Build the driver. Opens nothing. Raises `NotDeclarableError` for a WSDL that cannot be used."""
    try:
        service = SoapService(
            wsdls=[Wsdl(_find_wsdl(parts.city, each), wire.version) for each in wire.wsdl],
            version=wire.version,
            headers=wire.build_headers(),
            user_token=_build_user_token(wire),
            charset=wire.charset,
        )
        return SoapDriver(http, service, gate=parts.gate)
    except WsdlError as error:
        raise NotDeclarableError("wire.wsdl", str(error)) from None


def _find_wsdl(city: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise NotDeclarableError("wire.wsdl", f"not a file in the folder {FOLDER} of the city: write its name")
    return city / FOLDER / name


def _build_user_token(wire: SoapWire) -> UserToken | NoUserToken:
    table, user, password = wire.user_token, wire.user, wire.password
    if table is None or user is None or password is None:
        return NoUserToken()
    return UserToken(
        user=user.get_secret_value(),
        password=password.get_secret_value(),
        is_digest=table.digest,
        seconds=table.timestamp,
    )
