"""Refetching nodes by their ids: `node` and `nodes`."""

from __future__ import annotations

import pytest

from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, CALLERS, NOP, PRIVATE, PUBLIC, SITI
from tests.schema.requests import IDS, get_codes, list_agency_calls, run, run_for_data

TAX = f"{SITI}:{NOP}"
ENTERPRISE = f"{SITI}:M-1"
NODES = [
    ("Citizen", SITI, "... on Citizen { nik }", {"nik": SITI}, {"the person", "an official"}),
    ("TaxObject", TAX, "... on TaxObject { nop }", {"nop": NOP}, {"the person", "an official"}),
    ("Msme", ENTERPRISE, "... on Msme { name }", {"name": "Warung Siti"}, {"the person", "an official"}),
    ("Complaint", PUBLIC, "... on Complaint { number }", {"number": "JK1001"}, set(CALLERS)),
    ("Market", "3", "... on Market { name }", {"name": "Pasar Senen"}, set(CALLERS)),
    ("Commodity", "1", "... on Commodity { name }", {"name": "Beras IR 64"}, set(CALLERS)),
    ("Region", "31.71", "... on Region { name }", {"name": "Region 31.71"}, set(CALLERS)),
]
NOT_OURS = "An id was not issued by this hub. Send ids exactly as they were received."


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("node", NODES, ids=[each[0] for each in NODES])
async def test_a_node_is_refetched_by_permitted_callers_and_a_refusal_calls_no_agency(
    node: tuple[str, str, str, dict[str, str], set[str]], caller: str
) -> None:
    type_name, key, selected, found, readers = node
    city = SmallCity()
    node_id = IDS.seal(type_name, key)
    query = f"query ($id: ID!) {{ node(id: $id) {{ __typename id {selected} }} }}"
    response = await run(query, {"id": node_id}, caller=caller, city=city)
    if caller in readers:
        assert response.data == {"node": {"__typename": type_name, "id": node_id, **found}}
        assert get_codes(response) == []
    else:
        assert response.data == {"node": None}
        assert get_codes(response) == [("node", "FORBIDDEN")]
        assert list_agency_calls(city, CALLERS[caller]) == []


@pytest.mark.parametrize("caller", ["anonymous", "another citizen"])
async def test_a_private_complaint_is_null_to_strangers_like_one_that_does_not_exist(caller: str) -> None:
    for key in (PRIVATE, "9999"):
        response = await run(f'{{ node(id: "{IDS.seal("Complaint", key)}") {{ id }} }}', caller=caller)
        assert (response.data, response.errors) == ({"node": None}, [])


@pytest.mark.parametrize(
    ("type_name", "key"),
    [
        ("Citizen", "3171010101800009"),
        ("TaxObject", f"{SITI}:317301000100100099"),
        ("TaxObject", f"{BUDI}:{NOP}"),
        ("Msme", f"{BUDI}:M-1"),
        ("Msme", f"{SITI}:M-9"),
        ("Market", "99"),
        ("Region", "99"),
    ],
)
async def test_a_node_that_no_longer_exists_is_null(type_name: str, key: str) -> None:
    assert await run_for_data(f'{{ node(id: "{IDS.seal(type_name, key)}") {{ id }} }}') == {"node": None}


@pytest.mark.parametrize(
    "node_id",
    [
        "",
        "x",
        SITI,
        IDS.seal("Citizen", SITI)[:-1],
        f"{IDS.seal('Citizen', SITI)}A",
        IDS.seal("Household", "1"),
        IDS.seal("Query", "1"),
        IDS.seal("", ""),
        "A" * 500,
    ],
)
async def test_a_foreign_id_is_refused_without_any_agency_call(node_id: str) -> None:
    city = SmallCity()
    response = await run("query ($id: ID!) { node(id: $id) { id } }", {"id": node_id}, city=city)
    assert response.data == {"node": None}
    assert [error["message"] for error in response.errors] == [NOT_OURS]
    assert get_codes(response) == [("node", "BAD_USER_INPUT")]
    assert city.calls == []


async def test_nodes_are_in_the_order_of_their_ids_and_fail_separately() -> None:
    city = SmallCity(failing_agencies={"pangan"})
    ids = [
        IDS.seal("Region", "31.71"),
        "rubbish",
        IDS.seal("Market", "3"),
        IDS.seal("Citizen", SITI),
        IDS.seal("Region", "99"),
        IDS.seal("Region", "31.71"),
    ]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    response = await run(query, {"ids": ids}, caller="another citizen", city=city)
    region = {"__typename": "Region", "id": ids[0]}
    assert response.data == {"nodes": [region, None, None, None, None, region]}
    assert sorted(get_codes(response)) == [
        ("nodes.1", "BAD_USER_INPUT"),
        ("nodes.2", "AGENCY_UNAVAILABLE"),
        ("nodes.3", "FORBIDDEN"),
    ]
    assert sorted(question for _, question, _ in list_agency_calls(city, CALLERS["another citizen"])) == [
        "markets",
        "regions",
    ]


async def test_nodes_of_one_type_are_loaded_in_one_call() -> None:
    city = SmallCity()
    ids = [IDS.seal("Region", code) for code in ("31", "31.71", "31.71.01")]
    await run_for_data("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids}, city=city)
    assert city.calls == [("hub", "regions", ("31", "31.71", "31.71.01"))]


async def test_more_than_100_nodes_are_refused_and_other_fields_are_answered() -> None:
    city = SmallCity()
    ids = [IDS.seal("Region", "31.71")] * 101
    response = await run("query ($ids: [ID!]!) { nodes(ids: $ids) { id } __typename }", {"ids": ids}, city=city)
    assert response.data == {"nodes": None, "__typename": "Query"}
    assert [error["message"] for error in response.errors] == [
        "Argument 'ids' holds 101 ids; at most 100 are allowed. Send several requests."
    ]
    assert city.calls == []
