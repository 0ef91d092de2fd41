"""Interfaces that are asked for: a database, and a resource of an open data portal. Only names and types are read."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from cli.agencies.onboarding.shapes import AgencyInterface, RowShape
from cli.command_error import CommandError
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.drivers.sql.driver import SqlDriver
from connectors.drivers.sql.inspection import list_tables
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyRefused

_ACTION: Final = "/api/3/action/datastore_search"
_TIMEOUT: Final = 15.0
_FIRST_ERROR: Final = 400
_MAX_BYTES: Final = 4 * 1024 * 1024
_CKAN_KINDS: Final[Mapping[str, str]] = {
    "int": "number",
    "int4": "number",
    "int8": "number",
    "float8": "number",
    "numeric": "number",
    "bool": "flag",
    "date": "day",
    "timestamp": "moment",
}


async def inspect_database(url: str) -> AgencyInterface:
    """The tables and views of a database. Raises `CommandError`."""
    try:
        driver = SqlDriver("database", url, deadline=_TIMEOUT, pool_size=1)
    except ValueError as error:
        raise CommandError(str(error)) from None
    try:
        tables = await list_tables(driver)
    except Exception as error:  # noqa: BLE001 - any error of a database driver, whose text may hold the password
        raise CommandError(f"the database cannot be inspected ({type(error).__name__}): check the address") from None
    finally:
        await driver.close()
    if not tables:
        raise CommandError("the database has no table or view that its user can see")
    scheme, parts = url.partition(":")[0], urlsplit(url)
    shapes = [RowShape(name=name, columns=columns) for name, columns in tables.items()]
    return AgencyInterface(
        driver="sql", origin=f"{scheme} database {parts.path.lstrip('/')}", shapes=shapes, scheme=scheme
    )


async def inspect_resource(address: str) -> AgencyInterface:
    """The columns of a resource of a CKAN datastore, `https://portal#resource-id`. Raises `CommandError`."""
    url, _, resource = address.partition("#")
    if not resource:
        raise CommandError("--ckan: write the portal and the resource: https://portal.example#resource-id")
    try:
        driver = HttpDriver(
            HttpService("portal", url, headers={}), HttpLimits(deadline=_TIMEOUT, connections=1, max_bytes=_MAX_BYTES)
        )
    except ValueError as error:
        raise CommandError(str(error)) from None
    try:
        fields = await list_resource_columns(driver, resource)
    except AgencyFailure as failure:
        raise CommandError(f"the portal gave no columns of the resource: {failure.detail or failure.code}") from None
    finally:
        await driver.close()
    if not fields:
        raise CommandError("the portal gave no columns of the resource: is it in the datastore?")
    return AgencyInterface(
        driver="ckan",
        origin=f"{url}, resource {resource}",
        shapes=[RowShape(name=resource, columns={name: kind for name, kind in fields.items() if name != "_id"})],
        source={"resource": resource},
    )


async def list_resource_columns(driver: HttpDriver, resource: str) -> Mapping[str, str]:
    """The kind of each column of a resource, by name. Raises `AgencyFailure`."""
    body = json.dumps({"resource_id": resource, "limit": 0}).encode()
    request = HttpRequest("POST", _ACTION, body=body, headers={"Content-Type": "application/json"}, repeatable=True)
    call = Call(deadline=time.monotonic() + _TIMEOUT, request_id="columns")

    def parse(reply: HttpReply, value: object) -> Mapping[str, str]:
        if reply.status >= _FIRST_ERROR:
            raise AgencyRefused(driver.agency, f"HTTP {reply.status}")
        return _list_fields(value)

    return await driver.ask_value(request, call, parse)


def _list_fields(reply: Any) -> Mapping[str, str]:  # noqa: ANN401 - any JSON
    result = reply.get("result") if isinstance(reply, dict) else None
    fields = result.get("fields") if isinstance(result, dict) else None
    return {
        str(each["id"]): _CKAN_KINDS.get(str(each.get("type")), "text")
        for each in fields or ()
        if isinstance(each, dict) and "id" in each
    }
