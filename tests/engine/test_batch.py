"""Batches and edges, and the connectors of domains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from engine.batch import Agencies, BatchContext, batch
from engine.edge import Edge
from records.calls.answers import Answers
from records.calls.call import Call


class Books(Protocol):
    async def titles(self, ids: Sequence[int], call: Call) -> Answers[int, str]: ...


class Shelf:
    async def titles(self, ids: Sequence[int], call: Call) -> Answers[int, str]:  # noqa: ARG002 - no agency is called
        return {id_: f"book {id_}" for id_ in ids}


@batch(agency="library", absent=())
async def titles(ids: Sequence[int], context: BatchContext[str]) -> Answers[int, str]:
    """Titles by number."""
    return await context.agencies[Books].titles(ids, context.call)


def test_a_batch_takes_its_name_and_description_from_its_function() -> None:
    assert (titles.name, titles.agency, titles.description, titles.absent, titles.has_facets) == (
        "titles",
        "library",
        "Titles by number.",
        (),
        False,
    )
    assert repr(titles) == "<Batch titles of library>"


def test_a_batch_of_the_hub_itself_has_no_agency() -> None:
    assert repr(batch(agency=None)(titles.run)) == "<Batch titles of the hub>"


def test_a_batch_equals_only_itself() -> None:
    again = batch(agency="library", absent=())(titles.run)
    assert titles != again
    assert len({titles, titles, again}) == 2


async def test_a_batch_finds_its_connector_by_domain() -> None:
    ask = BatchContext(caller="me", call=Call(deadline=1e12, request_id="r"), agencies=Agencies({Books: Shelf()}))
    assert await titles.run([1, 2], ask) == {1: "book 1", 2: "book 2"}


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
