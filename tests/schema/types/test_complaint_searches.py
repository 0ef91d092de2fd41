"""Text search and orders of complaints, own and public."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.agencies.agency_codes import AgencyCodes
from records.calls.answers import Answers
from records.calls.call import Call
from records.complaint_searches import ComplaintSearch, FoundComplaints
from records.complaints import Complaint
from records.identifiers import Nik
from resolvers.complaints import Complaints
from schema.builder import build_schema, print_sdl
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import NOW, SITI, complaint
from tests.schema.requests import get_codes, run, run_for_data


def build_complaint(identifier: str, days: int, supporters: int, text: str, *, public: bool = True) -> Complaint:
    at = NOW - timedelta(days=days)
    return replace(
        complaint(identifier, public=public, reporter=SITI),
        reported_at=at,
        updated_at=at + timedelta(days=2 * days),
        support_count=supporters,
        description=text,
        address=None,
    )


FOUND = (
    build_complaint("a", 1, 5, "Lubang besar di jalan"),
    build_complaint("b", 2, 9, "Lubang kecil"),
    build_complaint("c", 3, 7, "Sampah"),
)


class CityOfComplaints(SmallCity):
    """A complaint system with three complaints of Siti."""

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Complaint]]:
        return self._answers("crm", "complaints_of", niks, dict.fromkeys(niks, FOUND))

    async def searches(
        self, queries: Sequence[ComplaintSearch], _call: Call
    ) -> Answers[ComplaintSearch, FoundComplaints]:
        found = FoundComplaints(complaints=FOUND, is_cut=any(each.text == "cut" for each in queries))
        return self._answers("crm", "searches", queries, dict.fromkeys(queries, found))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("", "abc"),
        ('(search: "LUBANG")', "ab"),
        ('(search: "besar lubang")', "a"),
        ('(search: "  ")', "abc"),
        ("(sort: OLDEST)", "cba"),
        ("(sort: MOST_SUPPORTED)", "bca"),
        ("(sort: LAST_CHANGED)", "cba"),
        ('(search: "lubang", sort: MOST_SUPPORTED)', "ba"),
    ],
)
async def test_own_complaints_are_searched_and_sorted_by_the_hub(arguments: str, found: str) -> None:
    data = await run_for_data(
        f"{{ me {{ complaints{arguments} {{ description }} }} }}", caller="the person", city=CityOfComplaints()
    )
    texts = {each.description: each.id for each in FOUND}
    assert "".join(texts[each["description"]] for each in data["me"]["complaints"]) == found


async def test_pages_of_a_search_follow_each_other_and_are_one_key() -> None:
    city, after, pages = CityOfComplaints(), "null", []
    for _ in range(2):
        query = f"""{{ searchComplaints(first: 2, after: {after}, search: "x") {{
            nodes {{ supportCount }} totalCount isCut pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }}"""
        pages.append((await run_for_data(query, city=city))["searchComplaints"])
        after = f'"{pages[-1]["pageInfo"]["endCursor"]}"'
    assert [[each["supportCount"] for each in page["nodes"]] for page in pages] == [[5, 9], [7]]
    assert [(page["totalCount"], page["isCut"]) for page in pages] == [(3, False)] * 2
    flags = [(page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) for page in pages]
    assert flags == [(True, False), (False, True)]
    assert len({keys for _, question, keys in city.calls if question == "searches"}) == 1


async def test_a_search_that_is_cut_has_no_total() -> None:
    data = await run_for_data('{ searchComplaints(search: "cut") { totalCount isCut } }', city=CityOfComplaints())
    assert data["searchComplaints"] == {"totalCount": None, "isCut": True}


@pytest.mark.parametrize(
    "arguments", ['after: "no cursor"', 'after: "eno"', f'search: "{"x" * 201}"', "first: 0", "first: 101"]
)
async def test_arguments_that_cannot_be_answered_are_refused(arguments: str) -> None:
    response = await run(f"{{ searchComplaints({arguments}) {{ totalCount }} }}", city=CityOfComplaints())
    assert get_codes(response) == [("searchComplaints", "BAD_USER_INPUT")]


def test_the_graph_offers_the_search_only_where_the_complaint_system_does() -> None:
    domains = {Complaints: ("lapor",)}
    assert "searchComplaints(" in print_sdl(build_schema(AgencyCodes(domains)))
    without = print_sdl(build_schema(AgencyCodes(domains, {"lapor": ("searches",)})))
    assert "searchComplaints(" not in without
    assert "ComplaintSearchConnection" not in without
    assert "\n  complaints(\n" in without
