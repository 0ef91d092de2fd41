"""The schema of a library, outside the hub's domains, to test the engine."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLSchema, build_schema

from engine.batch import BatchContext
from engine.document.limits import Limits
from engine.document.parsing import DocumentRules
from engine.document.refused_values import RefusedValue
from engine.engine import Engine
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run_request import RunRequest
from records.calls.call import Call

CARD = "3171014506900001"
RULE = "A card number is a string of exactly 16 digits."


class DictContext(dict[str, Any]):
    """A context of values, without batches."""

    call = Call(deadline=1e12, request_id="library")

    def build_batch_context(self, facets: frozenset[type[Any]]) -> BatchContext[Any]:
        raise AssertionError(f"asked for {facets}")

    async def close(self) -> None:
        """Nothing to close."""


def library() -> GraphQLSchema:
    """A new schema whose root fields read their values from the context, a mapping."""
    schema = build_schema("""
        scalar Card
        directive @kept(for: Card) on FIELD
        enum Shelf { LOW HIGH }
        input Wanted { cards: [Card!], nested: Wanted, shelf: Shelf }
        input Said { text: String, words: [String!] }
        type Book { title: String, by: Author, similar: [Book!], sequel: Book }
        type Author { name: String, books: [Book!] }
        type Query {
          reader(card: Card!): Author
          readers(cards: [Card!]!): [Author]
          search(wanted: Wanted, first: Int = 10): [Book!]
          book: Book
          secret: String
          broken: String
          count: Int!
          say(text: String, inside: Said): Int
        }
        type Mutation { lend(card: Card!): Book }
        type Subscription { lent: Book }
    """)
    card: Any = schema.type_map["Card"]
    card.parse_value = card.coerce_input_value = parsed_card
    for name, field in schema.type_map["Query"].fields.items():  # type: ignore[attr-defined]  # an object type
        field.resolve = _from_context(name)
    return schema


def parsed_card(value: object) -> str:
    if not isinstance(value, str) or len(value) != 16 or not value.isdigit():
        raise RefusedValue(RULE)
    return value


def _from_context(name: str) -> Any:  # noqa: ANN401 - a resolver
    def resolve(_source: object, info: Any, **arguments: Any) -> Any:  # noqa: ANN401 - a resolver
        answer = (info.context or {}).get(name)
        return answer(**arguments) if callable(answer) else answer

    return resolve


def rules(
    *, limits: Limits | None = None, introspection: bool = False, allow_suggestions: bool = False, names: bool = True
) -> DocumentRules:
    return DocumentRules(
        limits=limits or Limits(),
        allow_introspection=introspection,
        allow_suggestions=allow_suggestions,
        show_schema_names=names,
    )


async def run(
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    context: dict[str, Any] | None = None,
    operation: str | None = None,
    queries_only: bool = False,
    by: DocumentRules | None = None,
) -> GraphQLResponse:
    given = DictContext(context or {})
    request = GraphQLRequest(query=query, variables=variables, operation_name=operation, queries_only=queries_only)
    # The library's fields have resolvers, so they have no plan.
    return await Engine(library(), by or rules(), use_plans=False).run(
        RunRequest(request=request, context_factory=lambda: given, request_id="r-1")
    )


def get_messages(response: GraphQLResponse) -> list[tuple[str, str]]:
    """Code and message of each error."""
    return [(error["extensions"]["code"], error["message"]) for error in response.errors]
