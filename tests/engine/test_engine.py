"""One request in the engine."""

import asyncio
from functools import partial

import pytest
from graphql import GraphQLSchema

from engine.document.parsing import parse_operation
from engine.engine import Engine
from engine.request import GraphQLRequest, RefusedRequest, ResponseOutcome
from engine.run_request import RunRequest
from tests.engine.library_schema import CARD, DictContext, get_messages, library, rules, run


async def test_an_answer_has_data_and_no_errors() -> None:
    response = await run(
        f'{{ reader(card: "{CARD}") {{ name }} }}', context={"reader": lambda card: {"name": card[:2]}}
    )
    assert response.outcome is ResponseOutcome.ANSWERED
    assert response.data == {"reader": {"name": "31"}}
    assert response.errors == []
    assert response.extensions == {}


async def test_awaitable_fields_are_awaited_concurrently() -> None:
    both = asyncio.Barrier(2)

    async def meet() -> str:
        await both.wait()
        return "met"

    response = await asyncio.wait_for(run("{ secret broken }", context={"secret": meet, "broken": meet}), 5)
    assert response.data == {"secret": "met", "broken": "met"}


async def test_a_missing_variable_is_refused_before_anything_runs() -> None:
    ran: list[str] = []
    response = await run(
        "query ($c: Card!) { reader(card: $c) { name } count }", context={"count": lambda: ran.append("count")}
    )
    assert response.outcome is ResponseOutcome.REFUSED
    assert response.data is None
    assert get_messages(response) == [
        (
            "BAD_USER_INPUT",
            "Variable '$c' has invalid value: Expected a value of non-null type 'Card!' to be provided.",
        )
    ]
    assert ran == []


async def test_a_null_at_the_root_is_an_answer_not_a_refusal() -> None:
    response = await run("{ count }", context={"count": None})
    assert response.outcome is ResponseOutcome.ANSWERED
    assert response.data is None
    assert response.errors[0]["path"] == ["count"]


async def test_undeclared_variables_are_ignored() -> None:
    response = await run("{ count }", {"more": CARD}, context={"count": 1})
    assert (response.data, response.errors) == ({"count": 1}, [])


async def test_a_cancelled_request_cancels_its_fields() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    running = asyncio.ensure_future(run("{ secret }", context={"secret": wait}))
    await asyncio.wait_for(started.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(cancelled.wait(), 5)


def test_an_operation_knows_its_name() -> None:
    schema: GraphQLSchema = library()
    named = parse_operation(GraphQLRequest(query="query A { count }"), schema, rules())
    unnamed = parse_operation(GraphQLRequest(query="{ count }"), schema, rules())
    assert (named.name, unnamed.name) == ("A", None)
    with pytest.raises(RefusedRequest, match=r"^1 request errors$"):
        parse_operation(GraphQLRequest(query="{"), schema, rules())


async def test_an_engine_serves_requests_concurrently() -> None:
    engine = Engine(library(), rules())
    answers = await asyncio.gather(
        *(
            engine.run(
                RunRequest(
                    request=GraphQLRequest(query="{ count }"),
                    context_factory=partial(DictContext, {"count": n}),
                    request_id=str(n),
                )
            )
            for n in range(20)
        )
    )
    assert [answer.data for answer in answers] == [{"count": n} for n in range(20)]
