"""A reader's budget of different people: the charged people, the time of the charge, and the error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from json import dumps
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.pseudonyms import Pseudonyms
from auth.rate_keys import RateKeys
from cache.people_counts import PeopleBudget, PeopleCounts
from engine.reads import Asked, Read
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from records.clients import ClientId
from records.identifiers import Nik
from records.purposes import Purpose
from records.wishes import Wishes
from resolvers.people_budgets import PeopleBudgets, ReaderBudgets
from resolvers.recording import within_budgets
from schema.asking import Asking
from tests.schema.asking import IDS, engine
from tests.small_city import SmallCity
from tests.small_records import AYU, BUDI, CALL, NOBODY, NOP, SITI, consent

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
        table={kind: PeopleBudget(hour, hour * 2)},
        counts=PeopleCounts(None, keyed=keys, clock=lambda: 1_000.0),
        pseudonyms=Pseudonyms(SECRET),
        keys=keys,
    )


class Hub:
    """Readers with a budget, in front of the small city; whatever leaves is in `recorded`."""

    def __init__(self, budgets: ReaderBudgets, *, plans: bool = True, coalescing: bool = False) -> None:
        self.city = SmallCity()
        self.budgets = budgets
        self.recorded: list[Sequence[Read]] = []
        self._engine = Engine(
            engine().schema,
            engine().rules,
            plans=plans,
            coalescing=coalescing,
            recorder=within_budgets(self._record, budgets),
        )

    async def _record(self, asked: Asked, reads: Sequence[Read]) -> None:  # noqa: ARG002 - as a `Recorder`
        self.recorded.append(reads)

    async def ask(self, query: str, caller: Caller = OFFICIAL) -> GraphQLResponse:
        agencies = self.city.agencies({PeopleBudgets: self.budgets})

        def opened() -> Asking:
            return Asking(caller=caller, call=CALL, agencies=agencies, node_ids=IDS)

        return await self._engine.run(GraphQLRequest(query=query), opened, request_id="r-1", who=caller)


def exceeded(response: GraphQLResponse) -> list[tuple[str, str, Any]]:
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


async def test_beyond_the_budget_nobody_is_read_and_no_agency_is_asked(*, plans: bool) -> None:
    hub = Hub(budgets(2), plans=plans)
    assert (await hub.ask(several(SITI, BUDI))).errors == []
    hub.city.asked.clear()
    response = await hub.ask(f'{{ citizen(nik: "{AYU}") {{ name }} }}')
    assert response.data == {"citizen": None}
    assert exceeded(response) == [("citizen", BEYOND, 3_600)]
    assert response.errors[0]["message"] == (
        "You may read about at most 2 different people in an hour. This request names 1 people who are new in"
        " that time. Request fewer, or retry in 3600 s."
    )
    assert hub.city.asked == []


async def test_whom_they_read_before_is_still_read_beside_those_beyond_the_budget(*, plans: bool) -> None:
    hub = Hub(budgets(2), plans=plans)
    await hub.ask(several(SITI, BUDI))
    response = await hub.ask(several(SITI, AYU))
    assert response.data == {"citizens": [{"name": "Person 1"}, None]}
    assert exceeded(response) == [("citizens.1", BEYOND, 3_600)]


async def test_unknown_numbers_and_people_who_restricted_it_count(*, plans: bool) -> None:
    hub = Hub(budgets(2), plans=plans)
    assert (await hub.ask(several(NOBODY))).data == {"citizens": [None]}
    hub.city.cases = {"C/1": frozenset()}  # every requested person is refused
    refused = await hub.ask(several(SITI))
    assert [each["extensions"]["reason"] for each in refused.errors] == ["CASE_NOT_OPEN"]
    assert exceeded(await hub.ask(several(BUDI))) == [("citizens.0", BEYOND, 3_600)]


@pytest.mark.parametrize(
    "query",
    [
        f'{{ a: citizen(nik: "{SITI}") {{ name }} b: citizen(nik: "{BUDI}") {{ name }} }}',
        f'{{ nodes(ids: ["{IDS.seal("Citizen", SITI)}", "{IDS.seal("Citizen", BUDI)}"]) {{ __typename }} }}',
        f'{{ nodes(ids: ["{IDS.seal("TaxObject", f"{SITI}:{NOP}")}", "{IDS.seal("Citizen", BUDI)}"]) {{ id }} }}',
    ],
    ids=["aliases", "nodes of people", "nodes of things"],
)
async def test_however_people_are_named_they_are_charged_together_before_an_agency_is_asked(
    query: str, *, plans: bool
) -> None:
    hub = Hub(budgets(1), plans=plans)
    response = await hub.ask(query)
    assert {code for _, code, _ in exceeded(response)} == {BEYOND}
    assert len(response.errors) == 2
    assert hub.city.asked == []


async def test_members_of_a_family_card_are_charged_before_the_card_is_shown(*, plans: bool) -> None:
    hub = Hub(budgets(1), plans=plans)
    response = await hub.ask(f'{{ citizen(nik: "{SITI}") {{ household {{ members {{ name }} }} }} }}')
    assert (response.data or {})["citizen"] == {"household": {"members": None}}
    assert exceeded(response) == [("citizen.household.members", BEYOND, 3_600)]


async def test_a_partner_is_charged_for_people_whom_a_consent_names() -> None:
    hub = Hub(budgets(1, CallerKind.PARTNER))
    for nik, id_ in ((SITI, "c1"), (BUDI, "c2")):
        granted = replace(consent(nik), id=id_, client=ClientId("city", "bank"), purpose=Purpose.PAYMENT)
        hub.city.said[nik] = Wishes(consents=(granted,))
    first = await hub.ask('{ consented(consent: "c1") { consent { id } } }', BANK)
    assert first.errors == []
    second = await hub.ask('{ consented(consent: "c2") { consent { id } } }', BANK)
    assert second.data == {"consented": None}
    assert exceeded(second) == [("consented", BEYOND, 3_600)]


async def test_an_overseer_is_charged_for_who_is_named_and_for_who_is_found_in_a_list() -> None:
    hub = Hub(budgets(1, CallerKind.PROTECTION_OFFICER))
    named = '{{ accessEntriesOf(nik: "{}") {{ nodes {{ reader }} }} }}'
    assert (await hub.ask(named.format(BUDI), OFFICER)).errors != []  # the entry is about another person
    assert hub.recorded == []
    hub.city.asked.clear()
    refused = await hub.ask(named.format(AYU), OFFICER)
    assert (refused.data, exceeded(refused)) == ({"accessEntriesOf": None}, [("accessEntriesOf", BEYOND, 3_600)])
    assert hub.city.asked == []


async def test_an_answer_with_too_many_people_who_were_found_through_data_does_not_leave() -> None:
    hub = Hub(budgets(1, CallerKind.PROTECTION_OFFICER))
    await hub.ask('{ accessEntriesOf(nik: "' + BUDI + '") { nodes { reader } } }', OFFICER)
    response = await hub.ask("{ accessEntries { nodes { person } } }", OFFICER)
    assert response.data is None
    assert exceeded(response) == [("", BEYOND, 3_600)]
    assert hub.recorded == []


async def test_a_citizen_has_no_budget_and_is_never_charged() -> None:
    held = budgets(1)
    hub = Hub(held)
    for query in ("{ me { name } }", "{ me { household { members { name } } } }"):
        assert (await hub.ask(query, CITIZEN)).errors is not None
    assert held.read == {}
    assert repr(held.counts) == "<PeopleCounts of 0 readers>"


async def test_several_tokens_of_one_official_share_one_budget_and_two_officials_do_not() -> None:
    hub = Hub(budgets(1))
    assert (await hub.ask(several(SITI))).errors == []
    other_token = replace(OFFICIAL, case="C/2", unit="another", role="another", client=ClientId("city", "another"))
    assert exceeded(await hub.ask(several(BUDI), other_token)) == [("citizens.0", BEYOND, 3_600)]
    assert (await hub.ask(several(BUDI), replace(OFFICIAL, subject="https://i joko"))).errors == []


async def test_systems_are_charged_by_issuer_and_client_whatever_subject_their_token_names() -> None:
    held = budgets(1, CallerKind.AGENCY_SYSTEM)
    system = Caller(
        kind=CallerKind.AGENCY_SYSTEM, agency="pbb", client=ClientId("city", "sismiop"), subject="https://i one"
    )
    assert await held.charge(system, [SITI]) is None
    assert await held.charge(replace(system, subject="https://i two"), [BUDI]) is not None
    assert await held.charge(replace(system, client=ClientId("other", "sismiop")), [BUDI]) is None


async def test_what_is_charged_and_refused_is_counted_by_kind_of_caller() -> None:
    hub = Hub(budgets(2))
    for niks in ((SITI, BUDI), (SITI,), (AYU,)):
        await hub.ask(several(*niks))
    (read,) = hub.budgets.read.values()
    assert (read.charged, read.refused) == (2, 1)


async def test_more_people_than_there_ever_may_be_are_refused_without_a_time_to_wait() -> None:
    hub = Hub(budgets(1))
    response = await hub.ask(several(SITI, BUDI))
    assert exceeded(response) == [("citizens.0", BEYOND, None), ("citizens.1", BEYOND, None)]
