"""The questions of categories are read from what servers write, and a wrong part costs only itself."""

from __future__ import annotations

from asyncio import StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import orjson
import pytest

from connectors.declared.open311.complaints import Open311Complaints
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.clocks import CITY_TIME_ZONE
from records.complaint_questions import ComplaintQuestion, ComplaintQuestionChoice, QuestionKind
from tests.connectors.declared.open311.manifests import connect_to, parse_wire
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, reply, serve_bytes
from tests.connectors.failures import make_call

NOW = datetime(2026, 11, 29, 12, tzinfo=CITY_TIME_ZONE)
SIZE = {
    "variable": True,
    "code": "UKURAN",
    "datatype": "singlevaluelist",
    "required": True,
    "datatype_description": "Pilih satu",
    "order": 2,
    "description": "Seberapa besar?",
    "values": [{"key": "KECIL", "name": "Kecil"}, {"key": 2, "name": None}],
}
READ_SIZE = ComplaintQuestion(
    code="UKURAN",
    kind=QuestionKind.SINGLE_CHOICE,
    is_required=True,
    text="Seberapa besar?",
    hint="Pilih satu",
    choices=(ComplaintQuestionChoice(key="KECIL", name="Kecil"), ComplaintQuestionChoice(key="2", name=None)),
)
XML = b"""<?xml version="1.0" encoding="utf-8"?>
<service_definition><service_code>7</service_code><attributes><attribute>
<variable>true</variable><code>UKURAN</code><datatype>singlevaluelist</datatype><required>true</required>
<datatype_description>Pilih satu</datatype_description><order>1</order><description>Seberapa besar?</description>
<values><value><key>KECIL</key><name>Kecil</name></value><value><key>2</key><name/></value></values>
</attribute></attributes></service_definition>"""


@asynccontextmanager
async def serve(
    definitions: Mapping[str, bytes],
    *,
    metadata: object = True,
    **wire: Any,  # noqa: ANN401 - keys of `[wire]`
) -> AsyncIterator[tuple[Open311Complaints, ByteServer]]:
    """A server with services of these codes, and the replies of their definitions."""
    services = [{"service_code": int(code) if code.isdigit() else code, "metadata": metadata} for code in definitions]

    def answer(target: str) -> bytes:
        path = target.partition("?")[0].removeprefix("/v2/services").lstrip("/")
        if path.startswith("."):
            listed = "".join(f"<service><service_code>{each}</service_code></service>" for each in definitions)
            xml = f"<services>{listed}</services>".encode()
            return reply(200, xml, Content_Type="text/xml") if path == ".xml" else reply(200, orjson.dumps(services))
        return definitions[path.rpartition(".")[0]]

    async def script(asked: ReceivedRequest, writer: StreamWriter) -> None:
        writer.write(answer(asked.target))

    async with serve_bytes(script) as server, connect_to(parse_wire(f"{server.url}/v2", **wire), NOW) as connector:
        yield connector, server


async def load(connector: Open311Complaints, *codes: str) -> Mapping[str, Any]:
    return await connector.questions(codes, make_call())


def define(*attributes: object) -> bytes:
    return reply(200, orjson.dumps({"service_code": 7, "attributes": attributes}))


async def test_questions_are_read_with_their_choices_in_their_order() -> None:
    lamp = {"variable": "true", "code": 12, "datatype": "string", "required": "false", "order": "1"}
    notice = {"variable": False, "code": "N", "datatype": "string", "required": True, "description": "Call 112."}
    async with serve({"7": define(notice, SIZE, lamp)}) as (connector, server):
        found = await load(connector, "7")
    assert found == {
        "7": (
            ComplaintQuestion(code="12", kind=QuestionKind.TEXT, is_required=False, text=None, hint=None),
            READ_SIZE,
            ComplaintQuestion(code="N", kind=QuestionKind.NOTICE, is_required=False, text="Call 112.", hint=None),
        )
    }
    assert [each.target for each in server.asked] == [
        "/v2/services.json?jurisdiction_id=city.example",
        "/v2/services/7.json?jurisdiction_id=city.example",
    ]


async def test_a_definition_in_xml_is_the_same() -> None:
    async with serve({"7": reply(200, XML, Content_Type="text/xml")}, format="xml") as (connector, _):
        assert await load(connector, "7") == {"7": (READ_SIZE,)}


@pytest.mark.parametrize("metadata", [False, "false", "FALSE", 0, "0"])
async def test_a_service_without_metadata_has_no_questions_and_is_not_asked(metadata: object) -> None:
    async with serve({"7": b""}, metadata=metadata) as (connector, server):
        assert await load(connector, "7", "8") == {"7": ()}
        assert len(server.asked) == 1


@pytest.mark.parametrize("metadata", [True, "true", "True", 1, None, ""])
async def test_a_service_that_does_not_deny_it_is_asked(metadata: object) -> None:
    async with serve({"7": define(SIZE)}, metadata=metadata) as (connector, _):
        assert await load(connector, "7") == {"7": (READ_SIZE,)}


@pytest.mark.parametrize(
    "definition",
    [
        reply(404, b'[{"code": 404}]'),
        reply(200, b"{}"),
        reply(200, b"[]"),
        reply(200, b'[{"attributes": null}]'),
        reply(200, b'{"attributes": ""}'),
        reply(200, b'{"attributes": [null, 5, {}]}'),
        reply(200, b'{"service_definition": null}'),
        define({"datatype": "string", "required": True}),  # without a code, it cannot be answered
    ],
)
async def test_a_definition_of_nothing_has_no_questions(definition: bytes) -> None:
    async with serve({"7": definition}) as (connector, _):
        assert await load(connector, "7") == {"7": ()}


@pytest.mark.parametrize(
    ("attribute", "read"),
    [
        ({"code": "A"}, {}),
        ({"code": "A", "datatype": "geometry"}, {}),
        ({"code": "A", "datatype": ["string"]}, {}),
        ({"code": "A", "datatype": "NUMBER", "order": "first"}, {"kind": QuestionKind.NUMBER}),
        ({"code": "A", "datatype": "text", "description": {"en": "?"}}, {"kind": QuestionKind.LONG_TEXT}),
        ({"code": "A", "datatype": "multivaluelist", "values": None}, {"kind": QuestionKind.MULTIPLE_CHOICE}),
        (
            {"code": "A", "datatype": "multivaluelist", "values": [{"name": "x"}, 5]},
            {"kind": QuestionKind.MULTIPLE_CHOICE},
        ),
        ({"code": "A", "datatype": "datetime", "required": "1"}, {"kind": QuestionKind.MOMENT, "is_required": True}),
        ({"code": "A", "required": "perhaps"}, {}),
    ],
)
async def test_an_unreadable_part_of_a_question_costs_only_itself(
    attribute: Mapping[str, object], read: Mapping[str, Any]
) -> None:
    plain: dict[str, Any] = {"code": "A", "kind": None, "is_required": False, "text": None, "hint": None}
    async with serve({"7": define(attribute)}) as (connector, _):
        assert await load(connector, "7") == {"7": (ComplaintQuestion(**{**plain, **read}),)}


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        (reply(200, b"5"), AgencyMalformed),
        (reply(200, b"<html>"), AgencyMalformed),
        (reply(500), AgencyUnavailable),
        (reply(400, b"[]"), AgencyRefused),
    ],
)
async def test_a_failed_definition_fails_only_its_category(definition: bytes, kind: type[AgencyFailure]) -> None:
    async with serve({"7": definition, "8": define(SIZE)}) as (connector, _):
        found = await load(connector, "7", "8", "9")
    assert isinstance(found["7"], kind)
    assert found["8"] == (READ_SIZE,)
    assert "9" not in found


async def test_a_code_that_could_change_the_address_is_not_asked() -> None:
    async with serve({"7": define(SIZE)}) as (connector, server):
        assert await load(connector, "../requests", "3171014506909001") == {}
        assert [each.target.partition("?")[0] for each in server.asked] == ["/v2/services.json"]
