"""Keeps the replies of one agency while it is asked: what was asked, and what came back, before it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from lxml import etree

from connectors.declared.driver_family import Driver
from connectors.drivers.http.address import list_pairs
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpRequest
from connectors.drivers.soap.envelopes import SoapRequest
from connectors.drivers.soap.replies import SoapReply
from records.calls.call import Call


class ReplyTape:
    """A driver that passes every call on, and keeps the replies."""

    def __init__(self) -> None:
        self.replies: list[tuple[str, Any]] = []
        """Each request as samples name it, and its reply; for a database, the statement and its rows."""
        self._driver: Any = None

    def attach(self, driver: Driver) -> Driver:
        """Take the place of a driver."""
        self._driver = driver
        return self

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what the driver has
        """All else is the driver's own."""
        return getattr(self._driver, name)

    async def close(self) -> None:
        """Close the connections of the driver."""
        await self._driver.close()

    async def rows(self, statement: str, *arguments: Any, **named: Any) -> Sequence[Any]:  # noqa: ANN401 - of a database's driver
        """The rows of a database."""
        found: Sequence[Any] = await self._driver.rows(statement, *arguments, **named)
        self.replies.append((statement, [dict(each) for each in found]))
        return found

    async def ask_value(self, request: HttpRequest, call: Call, read: Callable[[HttpReply, object], Any]) -> Any:  # noqa: ANN401 - what `read` gives
        """The reply of a service over HTTP."""

        def read_and_keep(reply: HttpReply, value: object) -> Any:  # noqa: ANN401 - what `read` gives
            if value is not None:
                self.replies.append((_write_request(request), value))
            return read(reply, value)

        return await self._driver.ask_value(request, call, read_and_keep)

    async def ask(
        self, request: SoapRequest, values: Sequence[Any], call: Call, parse: Callable[[SoapReply], Any]
    ) -> Any:  # noqa: ANN401 - what `parse` gives
        """The reply of a SOAP service."""

        def parse_and_keep(reply: SoapReply) -> Any:  # noqa: ANN401 - what `parse` gives
            if isinstance(reply.content, dict):
                self.replies.append((_write_operation(request, values), reply.content))
            return parse(reply)

        return await self._driver.ask(request, values, call, parse_and_keep)


def _write_request(request: HttpRequest) -> str:
    """A request over HTTP, with its parameters in alphabetical order."""
    query, form = (
        "&".join(f"{name}={','.join(each)}" for name, each in sorted(_group(list_pairs(given or {})).items()))
        for given in (request.query, request.form)
    )
    sent = form
    if request.body is not None:
        sent = json.dumps(json.loads(request.body), sort_keys=True, ensure_ascii=False)
    line = f"{request.method} {unquote(request.path).lstrip('/')}"
    return f"{line}{f'?{query}' if query else ''}{f' {sent}' if sent else ''}"


def _write_operation(request: SoapRequest, values: Sequence[Any]) -> str:
    """A call of SOAP, with the texts of its arguments by their path."""
    envelope = etree.fromstring(request.write(values, message="", security=b""))
    [operation] = envelope.findall(f"{{{request.namespace}}}Body/*")
    arguments = _group(list(_list_texts(operation, "")))
    return " ".join([request.operation.name, *(f"{path}={','.join(each)}" for path, each in sorted(arguments.items()))])


def _list_texts(element: etree._Element, prefix: str) -> Iterator[tuple[str, str]]:
    for child in element.iterchildren("*"):
        path = f"{prefix}{etree.QName(child).localname}"
        if len(child):
            yield from _list_texts(child, f"{path}.")
        else:
            yield path, child.text or ""


def _group(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in pairs:
        found.setdefault(name, []).append(text)
    return found
