"""Cursors and connections."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from records.calls.answers import CountedList
from records.complaints import ComplaintPosition, ComplaintQuery, ComplaintStatus
from records.identifiers import RegionCode
from schema.declarations.publishing import get_publication
from schema.declarations.relay import (
    build_connection,
    build_page,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
)
from schema.types.complaints import ComplaintConnectionType, ComplaintType
from schema.types.wifi_points import WifiPointConnectionType
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import PUBLIC
from tests.schema.requests import get_codes, run, run_for_data

MOMENT = datetime(2026, 11, 23, 8, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=7)))
NO_CURSOR = "Argument 'after' is not a cursor of this list. Send an 'endCursor' or 'cursor' exactly as it was received."


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@settings(derandomize=True)
@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
)
def test_a_cursor_is_decoded_to_its_moment_and_identifier(moment: datetime, identifier: str) -> None:
    assert decode_cursor(encode_cursor(moment, identifier)) == (moment, identifier)


def test_an_identifier_may_contain_spaces() -> None:
    assert decode_cursor(encode_cursor(MOMENT, "JK 1 2")) == (MOMENT, "JK 1 2")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "====",
        "é",
        "\ud800",
        "null",
        "MQ",
        encoded(""),
        encoded("2026-11-23T08:00:00+07:00"),
        encoded("2026-11-23T08:00:00+07:00 "),
        encoded("2026-11-23T08:00:00 1001"),
        encoded("0001-01-01T00:00:00+14:00 1001"),
        encoded("yesterday 1001"),
        encoded("20261123T080000+0700 1001"),
        f"{encode_cursor(MOMENT, '1001')}=",
        f"!{encode_cursor(MOMENT, '1001')}",
        f"{encode_cursor(MOMENT, '1001')} ",
    ],
)
def test_an_invalid_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput) as refused:
        decode_cursor(cursor)
    assert str(refused.value) == NO_CURSOR


@settings(derandomize=True, max_examples=300)
@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_is_refused(text: str) -> None:
    try:
        moment, identifier = decode_cursor(text)
    except BadInput as refused:
        assert str(refused) == NO_CURSOR  # noqa: PT017 - either outcome is right
    else:
        assert encode_cursor(moment, identifier) == text


@pytest.mark.parametrize("first", [1, 20, 100])
def test_a_page_holds_1_to_100(first: int) -> None:
    assert check_first(first) == first


@pytest.mark.parametrize("first", [0, -1, 101, 2**31])
def test_another_page_size_is_refused(first: int) -> None:
    with pytest.raises(BadInput, match=rf"^Argument 'first' is {first}; it must be from 1 to 100\.$"):
        check_first(first)


@pytest.mark.parametrize(
    "field", ["complaints(first: 0) { nodes { id } }", "markets(first: 101) { id }", "regions(first: -5) { id }"]
)
async def test_an_invalid_page_size_fails_its_field_without_any_agency_call(field: str) -> None:
    city = SmallCity()
    response = await run(f"{{ {field} }}", caller="anonymous", city=city)
    name = field.partition("(")[0]
    assert response.data == {name: None}
    assert get_codes(response) == [(name, "BAD_USER_INPUT")]
    assert city.calls == []


async def test_a_page_of_complaints_has_the_shape_of_a_connection() -> None:
    query = """{ complaints(first: 1) {
        edges { cursor node { number } } nodes { number }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }"""
    page = (await run_for_data(query, caller="anonymous"))["complaints"]
    cursor = encode_cursor(datetime(2026, 11, 20, 9, tzinfo=UTC), PUBLIC)
    assert page == {
        "edges": [{"cursor": cursor, "node": {"number": "JK1001"}}],
        "nodes": [{"number": "JK1001"}],
        "pageInfo": {"hasNextPage": True, "hasPreviousPage": False, "startCursor": cursor, "endCursor": cursor},
    }


async def test_arguments_become_the_query_for_the_agency() -> None:
    city = SmallCity()
    query = """query ($after: String, $filter: ComplaintFilter) {
        complaints(first: 5, after: $after, filter: $filter) { pageInfo { hasPreviousPage } }
    }"""
    wanted = {
        "statuses": ["WAITING", "REJECTED"],
        "categories": ["C-1"],
        "regions": ["31.71", "31.74"],
        "reportedFrom": "2026-11-01T00:00:00+07:00",
        "reportedUntil": "2026-11-23T08:00:00.250+07:00",
    }
    found = await run_for_data(
        query, {"after": encode_cursor(MOMENT, "1001"), "filter": wanted}, caller="anonymous", city=city
    )
    assert found == {"complaints": {"pageInfo": {"hasPreviousPage": True}}}
    [(agency, question, (asked,))] = city.calls
    assert (agency, question) == ("crm", "pages")
    assert asked == ComplaintQuery(
        first=5,
        after=ComplaintPosition(reported_at=MOMENT, id="1001"),
        statuses=(ComplaintStatus.WAITING, ComplaintStatus.REJECTED),
        category_codes=("C-1",),
        regions=(RegionCode("31.71"), RegionCode("31.74")),
        reported_from=datetime(2026, 11, 1, tzinfo=timezone(timedelta(hours=7))),
        reported_until=MOMENT,
    )


async def test_equal_pages_are_loaded_once() -> None:
    city = SmallCity()
    await run_for_data("{ a: complaints { nodes { id } } b: complaints(first: 20) { nodes { id } } }", city=city)
    assert [question for _, question, _ in city.calls] == ["pages"]


async def test_an_invalid_cursor_fails_its_field_without_any_agency_call() -> None:
    city = SmallCity()
    response = await run('{ complaints(after: "rubbish") { nodes { id } } }', caller="anonymous", city=city)
    assert [error["message"] for error in response.errors] == [NO_CURSOR]
    assert get_codes(response) == [("complaints", "BAD_USER_INPUT")]
    assert city.calls == []


def test_a_page_is_a_record_of_its_type_with_the_cursor_of_each_item() -> None:
    made = build_connection(
        ComplaintConnectionType, ("a", "b"), cursor=str.upper, has_more=True, arguments={"after": "x"}, total_count=7
    )

    assert type(made) is get_publication(ComplaintConnectionType).record
    assert (made.nodes, made.total_count) == (("a", "b"), 7)
    assert [(each.node, each.cursor) for each in made.edges] == [("a", "A"), ("b", "B")]
    info = made.page_info
    assert (info.has_next_page, info.has_previous_page, info.start_cursor, info.end_cursor) == (True, True, "A", "B")


@pytest.mark.parametrize(("found", "total"), [(CountedList.build("ab", 9), 9), (("a", "b"), None)])
def test_a_page_of_a_list_that_is_counted_has_the_total(found: Sequence[str], total: int | None) -> None:
    made = build_page(WifiPointConnectionType, found, {"first": 1}, id_name="__doc__")
    assert (made.nodes, made.total_count, made.page_info.has_next_page) == (("a",), total, True)


def test_an_empty_first_page_has_no_cursors_and_no_neighbours() -> None:
    made = build_connection(ComplaintConnectionType, (), cursor=str, has_more=False, arguments={}, total_count=None)
    info = made.page_info

    assert (info.has_next_page, info.has_previous_page, info.start_cursor, info.end_cursor) == (
        False,
        False,
        None,
        None,
    )


def test_a_connection_is_named_after_its_items() -> None:
    with pytest.raises(TypeError, match="Complaints is not a valid name of a connection; name it after its items"):

        @connection_of(ComplaintType, item_name="complaint", items_name="complaints")
        class Complaints:
            """A page of complaints."""
