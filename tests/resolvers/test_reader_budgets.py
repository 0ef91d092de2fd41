"""A reader's budget of different people: the charged people, the time of the charge, and the error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from json import dumps
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.rate_keys import RateKeys
from cache.limits.people_counts import PeopleBudget, PeopleCounts
from engine.engine import Engine
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run_request import RunReporting, RunRequest
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.hub.clients import ClientId
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.purposes import Purpose
from resolvers.reader_budgets import PeopleBudgetCharger, ReaderBudgets
from schema.declarations.request_context import RequestContext
from services.ledger.read_recording import with_reader_budgets
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALL, NOBODY, NOP, SITI, consent
from tests.schema.requests import IDS, build_engine

SECRET = b"s" * 32
OFFICIAL = Caller(
    kind=CallerKind.OFFICIAL, agency="dinsos", subject="https://i rina", purpose="SOCIAL_ASSISTANCE", case="C/1"
)
OFFICER = Caller(kind=CallerKind.PROTECTION_OFFICER, subject="https://i surya", case="PDP/1")
BANK = Caller(
    kind=CallerKind.PARTNER,
    client=ClientId("city", "bank"),
    subject="https://i bank",
    purpose="PAYMENT",
    case="K/1",
    scopes=frozenset({"tax"}),
)
CITIZEN = Caller(kind=CallerKind.CITIZEN, nik=SITI)


def budgets(hour: int, kind: CallerKind = CallerKind.OFFICIAL) -> ReaderBudgets:
    keys = RateKeys(SECRET)
    return ReaderBudgets(
        budgets={kind: PeopleBudget(hour, hour * 2)},
        counts=PeopleCounts(None, make_key=keys, clock=lambda: 1_000.0),
        pseudonyms=Pseudonyms(SECRET),
        keys=keys,
    )


class BudgetedHub:
    """Readers with a budget in front of the small city; `recorded` holds the reads of sent answers."""

    def __init__(self, budgets: ReaderBudgets, *, plans: bool = True, coalescing: bool = False) -> None:
        self.city = SmallCity()
        self.budgets = budgets
        self.recorded: list[Sequence[SubjectRead]] = []
        self._engine = Engine(
            build_engine().schema,
            build_engine().rules,
            use_plans=plans,
            share_runs=coalescing,
            reporting=RunReporting(recorder=with_reader_budgets(self._record, budgets)),
        )

    async def _record(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:  # noqa: ARG002 - as a `ReadRecorder`
        self.recorded.append(reads)

    async def ask(self, query: str, caller: Caller = OFFICIAL) -> GraphQLResponse:
        agencies = self.city.agencies({PeopleBudgetCharger: self.budgets})

        def opened() -> RequestContext:
            return RequestContext(policy=build_policy(), caller=caller, call=CALL, agencies=agencies, node_ids=IDS)

        return await self._engine.run(
            RunRequest(request=GraphQLRequest(query=query), context_factory=opened, request_id="r-1", caller_key=caller)
        )


def get_exceeded_paths(response: GraphQLResponse) -> list[tuple[str, str, Any]]:
    return [
        (".".join(map(str, each.get("path", ()))), each["extensions"]["code"], each["extensions"].get("retryAfter"))
        for each in response.errors
    ]


BEYOND = "READER_BUDGET_EXCEEDED"


def several(*niks: Nik) -> str:
    return f"{{ citizens(niks: {dumps(niks)}) {{ name }} }}"


@pytest.fixture(params=[True, False], ids=["by a plan", "by graphql-core"])
def plans(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_beyond_the_budget_no_person_is_read_and_no_agency_is_called(*, plans: bool) -> None:
    hub = BudgetedHub(budgets(2), plans=plans)
    assert (await hub.ask(several(SITI, BUDI))).errors == []
    hub.city.calls.clear()
    response = await hub.ask(f'{{ citizen(nik: "{AYU}") {{ name }} }}')
    assert response.data == {"citizen": None}
    assert get_exceeded_paths(response) == [("citizen", BEYOND, 3_600)]
    assert response.errors[0]["message"] == (
        "You may read about at most 2 different people in an hour. This request names 1 person new in"
        " that time. Request fewer, or retry in 3600 s."
    )
    assert hub.city.calls == []


async def test_people_charged_before_are_still_readable_beyond_the_budget(*, plans: bool) -> None:
    hub = BudgetedHub(budgets(2), plans=plans)
    await hub.ask(several(SITI, BUDI))
    response = await hub.ask(several(SITI, AYU))
    assert response.data == {"citizens": [{"name": "Person 1"}, None]}
    assert get_exceeded_paths(response) == [("citizens.1", BEYOND, 3_600)]


async def test_unknown_numbers_and_people_with_restrictions_are_charged(*, plans: bool) -> None:
    hub = BudgetedHub(budgets(2), plans=plans)
    assert (await hub.ask(several(NOBODY))).data == {"citizens": [None]}
    hub.city.cases = {"C/1": frozenset()}  # every requested person is refused
    refused = await hub.ask(several(SITI))
    assert [each["extensions"]["reason"] for each in refused.errors] == ["CASE_NOT_OPEN"]
    assert get_exceeded_paths(await hub.ask(several(BUDI))) == [("citizens.0", BEYOND, 3_600)]


@pytest.mark.parametrize(
    "query",
    [
        f'{{ a: citizen(nik: "{SITI}") {{ name }} b: citizen(nik: "{BUDI}") {{ name }} }}',
        f'{{ nodes(ids: ["{IDS.seal("Citizen", SITI)}", "{IDS.seal("Citizen", BUDI)}"]) {{ __typename }} }}',
        f'{{ nodes(ids: ["{IDS.seal("TaxObject", f"{SITI}:{NOP}")}", "{IDS.seal("Citizen", BUDI)}"]) {{ id }} }}',
    ],
    ids=["aliases", "nodes of people", "nodes of things"],
)
async def test_named_people_are_charged_together_before_any_agency_call(query: str, *, plans: bool) -> None:
    hub = BudgetedHub(budgets(1), plans=plans)
    response = await hub.ask(query)
    assert {code for _, code, _ in get_exceeded_paths(response)} == {BEYOND}
    assert len(response.errors) == 2
    assert hub.city.calls == []


async def test_members_of_a_family_card_are_charged_before_the_card_is_shown(*, plans: bool) -> None:
    hub = BudgetedHub(budgets(1), plans=plans)
    response = await hub.ask(f'{{ citizen(nik: "{SITI}") {{ household {{ members {{ name }} }} }} }}')
    assert (response.data or {})["citizen"] == {"household": {"members": None}}
    assert get_exceeded_paths(response) == [("citizen.household.members", BEYOND, 3_600)]


async def test_a_partner_is_charged_for_people_named_by_a_consent() -> None:
    hub = BudgetedHub(budgets(1, CallerKind.PARTNER))
    for nik, id_ in ((SITI, "c1"), (BUDI, "c2")):
        granted = replace(consent(nik), id=id_, client=ClientId("city", "bank"), purpose=Purpose.PAYMENT)
        hub.city.preferences[nik] = DataPreferences(consents=(granted,))
    first = await hub.ask('{ consented(consent: "c1") { consent { id } } }', BANK)
    assert first.errors == []
    second = await hub.ask('{ consented(consent: "c2") { consent { id } } }', BANK)
    assert second.data == {"consented": None}
    assert get_exceeded_paths(second) == [("consented", BEYOND, 3_600)]


async def test_an_overseer_is_charged_for_named_people_and_for_people_in_a_list() -> None:
    hub = BudgetedHub(budgets(1, CallerKind.PROTECTION_OFFICER))
    named = '{{ accessEntriesOf(nik: "{}") {{ nodes {{ reader }} }} }}'
    assert (await hub.ask(named.format(BUDI), OFFICER)).errors != []  # the entry is about another person
    assert hub.recorded == []
    hub.city.calls.clear()
    refused = await hub.ask(named.format(AYU), OFFICER)
    assert (refused.data, get_exceeded_paths(refused)) == (
        {"accessEntriesOf": None},
        [("accessEntriesOf", BEYOND, 3_600)],
    )
    assert hub.city.calls == []


async def test_an_answer_with_too_many_people_found_through_data_is_not_sent() -> None:
    hub = BudgetedHub(budgets(1, CallerKind.PROTECTION_OFFICER))
    await hub.ask('{ accessEntriesOf(nik: "' + BUDI + '") { nodes { reader } } }', OFFICER)
    response = await hub.ask("{ accessEntries { nodes { person } } }", OFFICER)
    assert response.data is None
    assert get_exceeded_paths(response) == [("", BEYOND, 3_600)]
    assert hub.recorded == []


async def test_a_citizen_has_no_budget_and_is_never_charged() -> None:
    held = budgets(1)
    hub = BudgetedHub(held)
    for query in ("{ me { name } }", "{ me { household { members { name } } } }"):
        assert (await hub.ask(query, CITIZEN)).errors is not None
    assert held.read_counts == {}
    assert repr(held.counts) == "<PeopleCounts of 0 readers>"


async def test_several_tokens_of_one_official_share_one_budget_and_two_officials_do_not() -> None:
    hub = BudgetedHub(budgets(1))
    assert (await hub.ask(several(SITI))).errors == []
    other_token = replace(OFFICIAL, case="C/2", unit="another", role="another", client=ClientId("city", "another"))
    assert get_exceeded_paths(await hub.ask(several(BUDI), other_token)) == [("citizens.0", BEYOND, 3_600)]
    assert (await hub.ask(several(BUDI), replace(OFFICIAL, subject="https://i joko"))).errors == []


async def test_systems_are_charged_by_issuer_and_client_not_by_subject() -> None:
    held = budgets(1, CallerKind.AGENCY_SYSTEM)
    system = Caller(
        kind=CallerKind.AGENCY_SYSTEM, agency="pbb", client=ClientId("city", "sismiop"), subject="https://i one"
    )
    assert await held.charge(system, [SITI]) is None
    assert await held.charge(replace(system, subject="https://i two"), [BUDI]) is not None
    assert await held.charge(replace(system, client=ClientId("other", "sismiop")), [BUDI]) is None


async def test_charges_and_refusals_are_counted_by_kind_of_caller() -> None:
    hub = BudgetedHub(budgets(2))
    for niks in ((SITI, BUDI), (SITI,), (AYU,)):
        await hub.ask(several(*niks))
    (read,) = hub.budgets.read_counts.values()
    assert (read.charged, read.refused) == (2, 1)


async def test_more_people_than_any_budget_allows_are_refused_without_a_retry_time() -> None:
    hub = BudgetedHub(budgets(1))
    response = await hub.ask(several(SITI, BUDI))
    assert get_exceeded_paths(response) == [("citizens.0", BEYOND, None), ("citizens.1", BEYOND, None)]
