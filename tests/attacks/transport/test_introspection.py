"""Attackers who map the graph: introspection depends on the setting, and names are suggested in development only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from records.hub.operations import OperationMode
from tests.fakes.issuers.loopback_issuer import LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_hub import SmallHub, run_small_hub
from web.settings import Exposure

SCHEMA = "{ __schema { queryType { name } } }"
TYPE = '{ __type(name: "Citizen") { name } }'
HIDDEN = "query Q { ...F } fragment F on Query { whole: __schema { types { name } } }"
QUERIES = (SCHEMA, TYPE, HIDDEN)
TEXTS: dict[str, Any] = {"agency_system_operations": OperationMode.OFF}
"""Agency systems may send any document here."""


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


def tokens(issuer: LoopbackIssuer) -> list[str]:
    """A person, an official and an agency system."""
    nobody = {"nik": None, "acr": None}
    return [
        issuer.token(),
        issuer.token(kind="official", agency="dukcapil", sub="rina", **nobody),
        issuer.token(kind="agency-system", agency="dukcapil", sub="siak", client_id="siak", **nobody),
    ]


async def get_refusal(hub: SmallHub, query: str, token: str | None = None) -> object:
    """The codes of an answer without data."""
    answer = await hub.ask(query, token=token)
    assert "data" not in answer.body
    assert set(answer.codes) == {"GRAPHQL_VALIDATION_FAILED"}
    return answer.body


async def test_with_introspection_off_no_caller_sees_the_schema(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()], introspection=Exposure.OFF, **TEXTS) as hub:
        for query in QUERIES:
            for token in (None, *tokens(issuer)):
                refused = await get_refusal(hub, query, token)
                assert "introspection has been disabled" in str(refused)
        assert (await hub.ask("{ __typename }")).body == {"data": {"__typename": "Query"}}
        assert hub.city.calls == []


async def test_introspection_for_signed_in_callers_is_refused_to_others_as_if_it_were_off(
    issuer: LoopbackIssuer,
) -> None:
    async with (
        run_small_hub([issuer.entry()], introspection=Exposure.SIGNED_IN, **TEXTS) as hub,
        run_small_hub([issuer.entry()], introspection=Exposure.OFF, **TEXTS) as closed,
    ):
        for query in QUERIES:
            before = await get_refusal(hub, query)
            for token in tokens(issuer):
                answer = await hub.ask(query, token=token)
                assert answer.codes == []
                assert answer.body["data"]
            # The document is cached by now, which must not open it to anonymous callers.
            assert await get_refusal(hub, query) == before == await get_refusal(closed, query)


async def test_type_names_and_texts_about_the_schema_are_answered_to_every_caller(
    issuer: LoopbackIssuer,
) -> None:
    async with run_small_hub([issuer.entry()], introspection=Exposure.SIGNED_IN, **TEXTS) as hub:
        for query in (
            "{ __typename }",
            "# not __schema\n{ __typename }",
            "{ __typename @include(if: true) # __type\n}",
        ):
            for _ in range(2):
                assert (await hub.ask(query)).body == {"data": {"__typename": "Query"}}


async def test_with_introspection_on_every_caller_sees_the_schema(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()], introspection=Exposure.ON) as hub:
        assert (await hub.ask(TYPE)).body == {"data": {"__type": {"name": "Citizen"}}}


@pytest.mark.parametrize(
    ("query", "proposal"),
    [
        ("{ mee { name } }", "'me'"),
        ("{ me { nam } }", "'name'"),
        ('{ citizen(nikk: "3171014506900001") { name } }', "'nik'"),
        ("{ regions(level: REGENCI) { code } }", "'REGENCY'"),
        ("{ me { ... on Citizn { name } } }", "'Citizen'"),
    ],
)
async def test_names_are_suggested_in_development_only(issuer: LoopbackIssuer, query: str, proposal: str) -> None:
    async with run_small_hub([issuer.entry()]) as hub, run_small_hub([issuer.entry()], development=True) as helpful:
        token = issuer.token()
        for asked in (None, token):
            refused = str(await get_refusal(hub, query, asked))
            assert "Did you mean" not in refused
            assert proposal not in refused
        shown = str(await get_refusal(helpful, query))
        assert "Did you mean" in shown
        assert proposal in shown
