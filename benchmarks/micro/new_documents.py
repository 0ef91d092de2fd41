"""New documents: the hub and graphql-core alone, with the same schema and the same fields.

Both take the text and return the bytes. graphql-core parses, validates by the rules of the specification and executes.
The hub also has limits, access rules, errors and plans. Every document has another operation name, so no cached
document helps.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from itertools import count
from statistics import median
from typing import Any

import orjson
from graphql import GraphQLSchema, execute, parse, validate
from rich.console import Console
from rich.table import Table

from auth.caller import ANONYMOUS
from auth.crypto.node_ids import NodeIds
from auth.policy.access_policy import NO_PURPOSES
from benchmarks.blog.schema import build_blog_schema
from benchmarks.comparison.questions import Q1, Q3
from benchmarks.micro.chain import ChainInMemory as Chain
from benchmarks.micro.chain import ChainPeople, build_chain_document, build_chain_schema
from benchmarks.micro.in_memory import InMemoryHub, build_blog_agencies
from engine.agencies.bindings import Agencies
from engine.response_encoding import encode
from records.calls.call import Call
from schema.builder import get_graphql_schema
from schema.declarations.request_context import RequestContext

GOAL = 1.5
"""The maximum ratio of the hub's time to graphql-core's."""
_POSTS, _USERS = 10, 2
_WIDE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocumentsResult:
    """One kind of document; medians, in microseconds of processor time."""

    kind: str
    characters: int
    hub_us: float
    graphql_core_us: float
    ratio: float
    """Median of the ratios of documents measured in pairs."""


class GraphqlCore:
    """graphql-core with the hub's schema and one bridge per request, as in the hub."""

    def __init__(self, agencies: Agencies, schema: GraphQLSchema) -> None:
        """Takes the schema and the agencies."""
        self._agencies = agencies
        self._schema = schema
        self._node_ids = NodeIds(b"m" * 32)

    async def answer(self, text: str) -> bytes:
        """One answer. Raises `RuntimeError` if the document is refused."""
        document = parse(text)
        if validate(self._schema, document):
            raise RuntimeError("graphql-core refuses a document of the benchmark.")
        call = Call(deadline=time.monotonic() + 600, request_id="unseen")
        asking = RequestContext(
            policy=NO_PURPOSES, caller=ANONYMOUS, call=call, agencies=self._agencies, node_ids=self._node_ids
        )
        try:
            result: Any = execute(self._schema, document, context_value=asking)
            if isawaitable(result):
                result = await result
        finally:
            await asking.close()
        return orjson.dumps({"data": result.data})


async def measure_documents(each: int) -> list[NewDocumentsResult]:
    """Measure this number of documents of each kind."""
    blog, blog_graph = build_blog_agencies(_POSTS, _USERS), get_graphql_schema(build_blog_schema())
    people, people_graph = Agencies({ChainPeople: Chain(_USERS)}), get_graphql_schema(build_chain_schema())
    wide = "{ " + " ".join(f"a{n}: posts {{ id title b{n}: body user {{ name }} }}" for n in range(_WIDE)) + " }"
    return [
        await _measure_kind("Q1, one field", Q1.document, blog, blog_graph, each),
        await _measure_kind("Q3, seven fields", Q3.document, blog, blog_graph, each),
        await _measure_kind("eight levels", build_chain_document(8), people, people_graph, each),
        await _measure_kind(f"wide, {6 * _WIDE} fields", wide, blog, blog_graph, each),
    ]


async def _measure_kind(
    kind: str, document: str, agencies: Agencies, schema: GraphQLSchema, each: int
) -> NewDocumentsResult:
    hub, core = InMemoryHub(agencies, schema, document), GraphqlCore(agencies, schema)

    async def by_hub(text: str) -> bytes:
        return encode(await hub.answer(text))

    names = count()
    hub_seconds: list[float] = []
    core_seconds: list[float] = []
    for round_number in range(each + 3):
        variants: Sequence[tuple[Callable[[str], Awaitable[bytes]], list[float]]] = (
            (by_hub, hub_seconds),
            (core.answer, core_seconds),
        )
        answers = []
        for way, seconds in variants if round_number % 2 else reversed(variants):
            gc.collect(0)
            text = f"query Never{next(names)}Seen {document}"
            began = time.process_time()
            answers.append(await way(text))
            seconds.append(time.process_time() - began)
            await asyncio.sleep(0)
        if orjson.loads(answers[0]) != orjson.loads(answers[1]):
            raise RuntimeError(f"The hub and graphql-core answer {kind} differently.")
    pairs = list(zip(hub_seconds[3:], core_seconds[3:], strict=True))
    return NewDocumentsResult(
        kind=kind,
        characters=len(document),
        hub_us=round(median(own for own, _ in pairs) * 1e6, 1),
        graphql_core_us=round(median(theirs for _, theirs in pairs) * 1e6, 1),
        ratio=round(median(own / theirs for own, theirs in pairs), 3),
    )


def print_results(found: Sequence[NewDocumentsResult], console: Console) -> None:
    """Print the kinds."""
    table = Table(title="New documents", title_justify="left")
    for name in ("document", "characters", "hub µs", "graphql-core µs", "ratio", f"at most {GOAL:g}"):
        table.add_column(name, justify="left" if name == "document" else "right")
    for each in found:
        verdict = "reached" if each.ratio <= GOAL else "missed"
        figures = (f"{each.characters:,}", f"{each.hub_us:,.0f}", f"{each.graphql_core_us:,.0f}", f"{each.ratio:.2f}")
        table.add_row(each.kind, *figures, verdict)
    console.print(table)
