"""Whether the graph of this hub offers what the catalogue of services promises."""

from __future__ import annotations

from graphql import GraphQLError, GraphQLSchema, parse, validate


def is_offered(schema: GraphQLSchema, operation: str) -> bool:
    """Whether an operation is valid in the graph. It may be not, where the city has no agency for its fields."""
    try:
        return not validate(schema, parse(operation))
    except GraphQLError:
        return False
