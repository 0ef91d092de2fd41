"""When and how often a run calls batches, in exact values, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace as Record
from typing import Any

import pytest
from graphql import GraphQLSchema

from records.calls.call import Call
from records.calls.failures import AgencyTimeout, AgencyUnavailable
from tests.engine.scripted_schema import ScriptedContext, batch, edge, execute_text, schema
from tests.fakes.virtual_loop import VirtualLoop, virtual_loop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as made:
        yield made


def author(number: int) -> Record:
    return Record(id=number, name=f"Author {number}", home=number % 3)


BLOG = """
type Query { posts: [Post!]! none: [Post!]! }
type Post { id: Int title: String author_id: Int author: Author editor: Author }
type Author { id: Int name: String home: Int city: City best: Post }
type City { id: Int name: String }
"""


def blog(posts: int, **seconds: float) -> GraphQLSchema:
    """Posts (of P) have an author and an editor (of A), who live in a city (of C)."""
    found = [Record(id=n, title=f"Post {n}", author_id=n % 10, editor_id=(n + 1) % 10) for n in range(posts)]
    authors = batch("authors", author, seconds=seconds.get("authors", 1))
    cities = batch("cities", lambda n: Record(id=n, name=f"City {n}"), seconds=seconds.get("cities", 1))
    return schema(
        BLOG,
        {
            "Query.posts": edge(batch("posts", lambda _: found, seconds=seconds.get("posts", 1)), lambda *_: 0),
            "Query.none": edge(batch("none", lambda _: []), lambda *_: 0),
            "Post.author": edge(authors, "author_id"),
            "Post.editor": edge(authors, "editor_id"),
            "Author.city": edge(cities, "home"),
            "Author.best": edge(batch("best", lambda n: Record(id=n, title="Best", author_id=n)), "id"),
        },
    )


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_a_list_of_any_length_takes_one_call_per_step_of_a_chain_of_three_agencies(
    loop: VirtualLoop, length: int
) -> None:
    asking = ScriptedContext()
    answer, seconds = execute_text(loop, blog(length), "{ posts { title author { name city { name } } } }", asking)
    assert answer.errors == []
    assert len(answer.data["posts"]) == length
    assert answer.data["posts"][-1] == {
        "title": f"Post {length - 1}",
        "author": {"name": f"Author {(length - 1) % 10}", "city": {"name": f"City {(length - 1) % 10 % 3}"}},
    }
    assert [name for _, name, _ in asking.asked] == ["posts", "authors", "cities"]
    assert seconds == 3


def test_an_empty_list_leads_to_no_calls(loop: VirtualLoop) -> None:
    asking = ScriptedContext()
    answer, seconds = execute_text(loop, blog(1), "{ none { author { city { name } } } }", asking)
    assert (answer.data, seconds) == ({"none": []}, 1)
    assert [name for _, name, _ in asking.asked] == ["none"]


def test_steps_that_want_the_same_batch_at_the_same_moment_share_a_call(loop: VirtualLoop) -> None:
    asking = ScriptedContext()
    execute_text(loop, blog(10), "{ posts { author { name } editor { name } again: author { id } } }", asking)
    assert asking.calls("authors") == [tuple(range(10))]


def test_equal_keys_are_loaded_once_across_levels(loop: VirtualLoop) -> None:
    asking = ScriptedContext()
    answer, seconds = execute_text(
        loop, blog(3), "{ posts { author { best { author { best { author { name } } } } } } }", asking
    )
    assert asking.calls("authors") == [(0, 1, 2)]
    assert asking.calls("best") == [(0, 1, 2)]
    assert seconds == 3  # posts, authors, best; everything after that is known
    assert answer.data["posts"][2]["author"]["best"]["author"]["best"]["author"] == {"name": "Author 2"}


SIDES = """
type Query { left: Node right: Node }
type Node { id: Int slow: Node fast: Node }
"""


def sides(slow: float, fast: float, *, left: Any = None) -> GraphQLSchema:  # noqa: ANN401 - how the batch `left` runs
    def node(number: Any) -> Record:  # noqa: ANN401 - any key
        return Record(id=number)

    return schema(
        SIDES,
        {
            "Query.left": edge(replace(batch("left", node), run=left) if left else batch("left", node), lambda *_: 1),
            "Query.right": edge(batch("right", node, seconds=2), lambda *_: 2),
            "Node.slow": edge(batch("slow", node, seconds=slow), "id"),
            "Node.fast": edge(batch("fast", node, seconds=fast), "id"),
        },
    )


def test_a_slow_branch_never_delays_the_children_of_a_fast_one(loop: VirtualLoop) -> None:
    asking = ScriptedContext()
    _, seconds = execute_text(
        loop, sides(10, 1), "{ left { slow { id } fast { fast { id } } } right { fast { id } } }", asking
    )
    began = asking.asked[0][0]
    assert [(moment - began, name) for moment, name, _ in asking.asked] == [
        (0, "left"),
        (0, "right"),
        (1, "slow"),
        (1, "fast"),
        (2, "fast"),  # right's; left's inner one is the same node, so it is known
    ]
    assert seconds == 11


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("{ left { id } }", 1),
        ("{ right { id } }", 2),
        ("{ left { id } right { id } }", 2),
        ("{ left { fast { id } } right { id } }", 4),
        ("{ left { slow { id } } right { fast { id } } }", 8),
        ("{ left { slow { fast { id } } fast { id } } }", 8),
        ("{ left { slow { id } fast { id } } right { slow { id } } }", 9),
    ],
)
def test_the_time_of_an_answer_is_its_critical_path(loop: VirtualLoop, text: str, seconds: float) -> None:
    assert execute_text(loop, sides(7, 3), text, ScriptedContext())[1] == seconds


CHANGES = """
type Query { count: Int }
type Mutation { first(n: Int = 1): Thing second: Thing! third: Thing pure: Int! }
type Thing { id: Int after: Thing }
"""


def changes(failing: str = "") -> GraphQLSchema:
    def thing(name: str) -> Any:  # noqa: ANN401 - a field's kind
        def made(key: int) -> Any:  # noqa: ANN401 - a record or a failure
            return AgencyUnavailable(name) if name == failing else Record(id=key)

        return batch(name, made)

    return schema(
        CHANGES,
        {
            "Mutation.first": edge(thing("first"), lambda *_: 1),
            "Mutation.second": edge(thing("second"), lambda *_: 2),
            "Mutation.third": edge(thing("third"), lambda *_: 3),
            "Thing.after": edge(thing("after"), lambda *_: 4),
        },
    )


def test_mutation_fields_run_one_after_another_with_everything_below_them(loop: VirtualLoop) -> None:
    asking = ScriptedContext()
    answer, seconds = execute_text(
        loop, changes(), "mutation { third { after { id } } first { id } second { after { id } } }", asking
    )
    assert [(moment, name) for moment, name, _ in asking.asked] == [
        (0, "third"),
        (1, "after"),
        (2, "first"),
        (3, "second"),
        (4, "after"),  # loaded again, because a mutation ran in between
    ]
    assert seconds == 5
    assert list(answer.data) == ["third", "first", "second"]


def test_the_same_mutation_field_twice_runs_twice(loop: VirtualLoop) -> None:
    asking = ScriptedContext()
    execute_text(loop, changes(), "mutation { a: first { id } b: first { id } }", asking)
    assert asking.calls("first") == [(1,), (1,)]


def test_after_a_mutation_field_that_nulls_the_whole_answer_no_further_one_runs(loop: VirtualLoop) -> None:
    asking = ScriptedContext()
    answer, _ = execute_text(loop, changes("second"), "mutation { first { id } second { id } third { id } }", asking)
    assert answer.data is None
    assert [error.path for error in answer.errors] == [["second"]]
    assert [name for _, name, _ in asking.asked] == ["first", "second"]


def test_after_a_failed_nullable_mutation_field_the_next_one_runs(loop: VirtualLoop) -> None:
    answer, _ = execute_text(loop, changes("first"), "mutation { first { id } third { id } }", ScriptedContext())
    assert answer.data == {"first": None, "third": {"id": 3}}


# Deadlines.


@pytest.fixture
def on_the_loops_clock(loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.calls.call.monotonic", loop.time)


def within(seconds: float, loop: VirtualLoop) -> ScriptedContext:
    return ScriptedContext(call=Call(deadline=loop.time() + seconds, request_id="late"))


@pytest.mark.usefixtures("on_the_loops_clock")
def test_at_the_deadline_the_answer_has_the_ready_parts_and_names_late_agencies(loop: VirtualLoop) -> None:
    asking = within(3.5, loop)
    answer, seconds = execute_text(
        loop, sides(10, 1), "{ left { id slow { id } fast { id } } right { fast { slow { id } } } }", asking
    )
    assert seconds == 3.5
    assert answer.data == {
        "left": {"id": 1, "slow": None, "fast": {"id": 1}},
        "right": {"fast": {"slow": None}},
    }
    late = []
    for error in answer.errors:
        assert isinstance(error.original_error, AgencyTimeout)
        late.append((error.original_error.agency, error.path))
    assert late == [("slow", ["left", "slow"]), ("slow", ["right", "fast", "slow"])]


@pytest.mark.usefixtures("on_the_loops_clock")
def test_after_the_deadline_no_call_starts_and_running_calls_are_cancelled(loop: VirtualLoop) -> None:
    stopped: list[str] = []

    async def never(_keys: Any, _ask: Any) -> Any:  # noqa: ANN401 - a batch
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            stopped.append("never")
            raise

    built = sides(10, 1, left=never)
    asking = within(1.5, loop)
    answer, seconds = execute_text(loop, built, "{ left { id } right { fast { id } } }", asking)
    assert (answer.data, seconds, stopped) == ({"left": None, "right": None}, 1.5, ["never"])
    assert [name for _, name, _ in asking.asked] == ["right"]


@pytest.mark.usefixtures("on_the_loops_clock")
def test_a_call_that_ignores_cancellation_delays_the_answer_by_at_most_a_second(loop: VirtualLoop) -> None:
    async def stubborn(_keys: Any, _ask: Any) -> Any:  # noqa: ANN401 - a batch
        for _ in range(5):
            try:
                await asyncio.sleep(50)
            except asyncio.CancelledError:
                continue
        return {}

    built = sides(10, 1, left=stubborn)
    answer, seconds = execute_text(loop, built, "{ left { id } }", within(2, loop))
    assert (answer.data, seconds) == ({"left": None}, 3)
    loop.run(asyncio.sleep(1000))


@pytest.mark.usefixtures("on_the_loops_clock")
def test_no_mutation_field_starts_after_the_deadline(loop: VirtualLoop) -> None:
    asking = within(1.5, loop)
    answer, seconds = execute_text(loop, changes(), "mutation { first { id } third { id } a: first { id } }", asking)
    assert answer.data == {"first": {"id": 1}, "third": None, "a": None}
    assert [name for _, name, _ in asking.asked] == ["first", "third"]
    assert seconds == 1.5


# Failures that must not hang.


def test_a_batch_that_is_cancelled_elsewhere_fails_and_does_not_hang(loop: VirtualLoop) -> None:
    async def cancelled(_keys: Any, _ask: Any) -> Any:  # noqa: ANN401 - a batch
        raise asyncio.CancelledError

    built = sides(1, 1, left=cancelled)
    answer, _ = execute_text(loop, built, "{ left { id } right { id } }", ScriptedContext())
    assert answer.data == {"left": None, "right": {"id": 2}}
    assert [error.message for error in answer.errors] == ["<Batch left of left> was cancelled."]


@pytest.mark.parametrize("nonsense", [None, 5, "text", [1]])
def test_a_batch_that_answers_nonsense_fails_and_does_not_hang(loop: VirtualLoop, nonsense: object) -> None:
    async def answers(_keys: Any, _ask: Any) -> Any:  # noqa: ANN401 - a batch
        return nonsense

    built = sides(1, 1, left=answers)
    answer, _ = execute_text(loop, built, "{ left { id } right { id } }", ScriptedContext())
    assert answer.data == {"left": None, "right": {"id": 2}}
    assert len(answer.errors) == 1
