"""Habits of agencies over HTTP that manifests declare: credentials in bodies, errors in texts, names in any case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, Protocol

import orjson
import pytest

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.credentials.http_credential import HttpCredential
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.json_body import LOWER_CASE_JSON_BODY
from connectors.drivers.http.service import HttpLimits, HttpService
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.record import record
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ByteServer, reply, serve_bytes
from tests.connectors.failures import make_call

SITI = Nik("3171010101900001")
CREDENTIAL = HttpCredential(body={"user_id": "simpul", "PASSWORD": "rahasia"})


@record
class PassQuery:
    nik: Nik
    name: str | None = None
    born_on: date | None = None
    year: int = 2026


@record
class PassCheck:
    number: str


@record
class SharedPass:
    number: str


class Passes(Protocol):
    """A domain that no agency has."""

    async def checks(self, queries: Sequence[PassQuery], call: Call) -> Answers[PassQuery, PassCheck]:
        """Whether people have a pass."""

    async def shared_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[SharedPass]]:
        """The passes that people share with others."""


CHECKS: dict[str, Any] = {
    "path": "checks",
    "body": {"NIK": "{nik}", "NAMA": "{name}", "LAHIR": "{born_on:%d-%m-%Y}", "TAHUN": "{year}"},
    "rows": "content",
    "key_pattern": {"name": "[A-Z ]{1,40}"},
    "names_person": False,
}
TABLES: dict[str, Any] = {
    "reads": {
        "checks": CHECKS,
        "shared_of": {"path": "shared", "body": {"nik": "{key}"}, "rows": "content", "key": "holders[].nik"},
    },
    "records": {"PassCheck": {"number": "no"}, "SharedPass": {"number": "no"}},
    "trouble": {
        "code": ["content.0.code", "content.0.text"],
        "success": "",
        "absent": "(?i)(13 )?data tidak ditemukan.*|13 .*",
        "busy": "05 kuota.*",
        "refused": "Login Gagal",
    },
    "probe": {"read": "checks", "key": '{"nik": "0000000000000000", "born_on": "2026-01-31"}'},
}


@asynccontextmanager
async def serve(
    answer: object, tables: Mapping[str, Any] = TABLES
) -> AsyncIterator[tuple[DeclaredConnector, ByteServer]]:
    async with serve_bytes(reply(200, orjson.dumps(answer))) as server:
        service = HttpService("paspor", server.url, credential=CREDENTIAL)
        limits = HttpLimits(deadline=5, connections=4, max_bytes=100_000)
        http = HttpDriver(service, limits, body_format=LOWER_CASE_JSON_BODY)
        try:
            yield build_declared_connector(Passes, parse_tables("http", tables), http, agency="paspor"), server
        finally:
            await http.close()


async def check(answer: object, query: PassQuery) -> tuple[object, list[bytes]]:
    """The answer to a query, with the number as text, and the bodies of its calls."""
    async with serve(answer) as (passes, server):
        found = (await passes.checks([query], make_call())).get(query)
    shown = (found.code, found.detail, found.retry_after) if isinstance(found, AgencyFailure) else found
    return shown, [each.body for each in server.asked]


async def test_the_credential_is_in_each_body_and_parts_without_a_value_are_not() -> None:
    found, [body] = await check({"content": [{"NO": "P-1"}]}, PassQuery(nik=SITI))
    assert found == PassCheck(number="P-1")
    assert body == b'{"user_id":"simpul","PASSWORD":"rahasia","NIK":"3171010101900001","TAHUN":2026}'


async def test_days_are_sent_in_the_declared_form() -> None:
    _, [body] = await check({"content": []}, PassQuery(nik=SITI, name="SITI", born_on=date(1990, 6, 5)))
    assert orjson.loads(body) == {
        **CREDENTIAL.body,
        "NIK": SITI,
        "NAMA": "SITI",
        "LAHIR": "05-06-1990",
        "TAHUN": 2026,
    }


async def test_a_text_of_another_form_costs_no_call() -> None:
    assert await check({"content": []}, PassQuery(nik=SITI, name="<siti>")) == (None, [])
    assert await check({"content": []}, PassQuery(nik=Nik("31"))) == (None, [])


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"CODE": "13", "Text": "Data Tidak Ditemukan, NIK tidak terdapat"}, None),
        ({"code": 13, "text": "apa pun"}, None),
        ({"text": "data tidak ditemukan"}, None),
        ({"TEXT": "Login Gagal"}, ("AGENCY_REFUSED", "code", None)),
        ({"CODE": "05", "TEXT": "kuota habis"}, ("AGENCY_REFUSED", "code 05", 5.0)),
        ({"CODE": "99"}, ("AGENCY_MALFORMED", "the answer has no code", None)),
        ({"NO": "P-1", "no": "P-2"}, ("AGENCY_MALFORMED", "the body of an HTTP 200 reply names a member twice", None)),
    ],
)
async def test_texts_within_an_http_200_have_their_meaning_in_any_case(
    row: Mapping[str, Any], outcome: tuple[str, str, float | None] | None
) -> None:
    found, _ = await check({"content": [row]}, PassQuery(nik=SITI))
    if outcome is None:
        assert found is None
    else:
        assert isinstance(found, tuple)
        assert (found[0], found[1][: len(outcome[1])], found[2]) == outcome


async def test_nesting_of_names_in_any_case_is_bounded() -> None:
    deep: object = "P-1"
    for _ in range(70):
        deep = {"a": deep}
    found, _ = await check({"content": [], "more": deep}, PassQuery(nik=SITI))
    assert found == ("AGENCY_MALFORMED", "the body of an HTTP 200 reply is nested beyond 64 levels", None)


@pytest.mark.parametrize(
    ("holders", "is_answered"),
    [
        ([{"nik": "3171010101900002"}, {"NIK": SITI}], True),
        ([{"nik": "3171010101900002"}], False),
        ([], False),
        (None, False),
    ],
)
async def test_a_row_of_several_people_names_the_person_that_was_asked_about(
    holders: object, *, is_answered: bool
) -> None:
    async with serve({"content": [{"no": "P-1", "holders": holders}]}) as (passes, _):
        found = (await passes.shared_of([SITI], make_call()))[SITI]
    assert (found == (SharedPass(number="P-1"),)) is is_answered
    assert is_answered or found.code == "AGENCY_MALFORMED"


async def test_a_probe_asks_for_a_query() -> None:
    async with serve({"content": []}) as (passes, server):
        await passes.probe(make_call())
    assert orjson.loads(server.asked[0].body)["LAHIR"] == "31-01-2026"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"names_person": True}, "reads.checks: rows must repeat the number of the person: name its column in `key`"),
        (
            {"body": {**CHECKS["body"], "LAHIR": "{born_on:04}"}},
            "reads.checks.body.LAHIR: {born_on:04} is of another type; write {born_on:04} for a number, and",
        ),
        (
            {"body": {**CHECKS["body"], "TAHUN": "{year:%Y}"}},
            "reads.checks.body.TAHUN: {year:%Y} is of another type; write {year:04} for a number, and",
        ),
        ({"path": "checks/{name}"}, "reads.checks.path: callers can leave out 'name', which a path cannot"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(changes: Mapping[str, Any], problem: str) -> None:
    tables = TABLES | {"reads": TABLES["reads"] | {"checks": {**CHECKS, **changes}}}
    http = HttpDriver(HttpService("paspor", "http://127.0.0.1:9"), HttpLimits(deadline=5, connections=1, max_bytes=9))
    with pytest.raises(NotDeclarableError) as refused:
        build_declared_connector(Passes, parse_tables("http", tables), http, agency="paspor")
    assert str(refused.value).startswith(problem)
