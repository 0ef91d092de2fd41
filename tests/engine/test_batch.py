"""Batches and edges, and the connectors of domains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_type_hints

import pytest

from engine.agencies.agency_codes import ANY_AGENCIES, AgencyCodes
from engine.agencies.bindings import Agencies
from engine.batch import BatchContext, batch, forward
from engine.edge import Edge
from records.calls.answers import Answers
from records.calls.call import Call


class Books(Protocol):
    async def titles(self, ids: Sequence[int], call: Call) -> Answers[int, str]:
        """Titles by number."""


class Shelf:
    async def titles(self, ids: Sequence[int], call: Call) -> Answers[int, str]:  # noqa: ARG002 - no agency is called
        return {id_: f"book {id_}" for id_ in ids}


@batch(domain=Books, absent=())
async def known_titles(ids: Sequence[int], context: BatchContext[str]) -> Answers[int, str]:
    """Titles of known books."""
    return await context.agencies[Books].titles([each for each in ids if each < 100], context.call)


titles = forward(Books, Books.titles, absent=())


def test_a_batch_takes_its_name_and_description_from_its_function() -> None:
    found = (known_titles.name, known_titles.domain, known_titles.description, known_titles.absent)
    assert found == ("known_titles", Books, "Titles of known books.", ())
    assert repr(known_titles) == "<Batch known_titles of Books>"


def test_a_batch_that_forwards_a_read_takes_name_types_and_description_from_the_protocol() -> None:
    found = (titles.name, titles.domain, titles.description, titles.absent, titles.has_facets)
    assert found == ("titles", Books, "Titles by number.", (), False)
    assert get_type_hints(titles.run)["return"] == Answers[int, str]
    assert forward(Books, Books.titles, name="titles_of").name == "titles_of"


def test_a_forwarded_read_of_the_hub_itself_has_no_agency() -> None:
    own = forward(Books, Books.titles, is_of_hub=True)
    assert (own.domain, ANY_AGENCIES.get(own.domain), repr(own)) == (None, None, "<Batch titles of the hub>")


def test_an_agency_has_the_code_that_is_bound_or_the_name_of_its_domain() -> None:
    assert AgencyCodes({Books: ["city-library"]}).get(Books) == "city-library"
    assert ANY_AGENCIES.get(Books) == "books"


def test_a_batch_equals_only_itself() -> None:
    again = batch(domain=Books, absent=())(titles.run)
    assert titles != again
    assert len({titles, titles, again}) == 2


async def test_a_batch_finds_its_connector_by_domain() -> None:
    ask = BatchContext(caller="me", call=Call(deadline=1e12, request_id="r"), agencies=Agencies({Books: Shelf()}))
    assert await titles.run([1, 2], ask) == {1: "book 1", 2: "book 2"}
    assert await known_titles.run([1, 200], ask) == {1: "book 1"}


def test_a_domain_without_a_connector_is_named() -> None:
    said = r"^No connector is bound to the domain Books; bind one in wiring/agencies\.py\.$"
    with pytest.raises(LookupError, match=said):
        Agencies({})[Books]


def test_agencies_show_their_domains() -> None:
    assert repr(Agencies({Books: Shelf(), Sequence: ()})) == "<Agencies Books, Sequence>"


@dataclass(frozen=True)
class Book:
    title: str
    pages: int


def edge(**more: Any) -> Edge:  # noqa: ANN401 - keyword arguments of Edge
    return Edge(batch=titles, key=lambda record, _arguments, _caller: record, **more)


def test_the_value_of_an_edge_is_the_answer_an_attribute_of_it_or_the_result_of_a_function() -> None:
    book = Book("Max Havelaar", 320)
    assert edge().get_value(book, {}) is book
    assert edge(value_attribute="title").get_value(book, {}) == "Max Havelaar"
    assert (
        edge(transform=lambda answer, arguments: answer.pages // arguments["a_day"]).get_value(book, {"a_day": 32})
        == 10
    )


@pytest.mark.parametrize("more", [{}, {"value_attribute": "title"}, {"transform": lambda answer, _: answer.pages}])
def test_an_edge_without_an_answer_is_null(more: dict[str, Any]) -> None:
    assert edge(**more).get_value(None, {}) is None
