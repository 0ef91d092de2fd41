"""Captions of the graph for people."""

from __future__ import annotations

from typing import Annotated, Final

import strawberry

from auth.policy.rules import Rule
from engine.errors import BadInput
from records.labels import Label, LabelQuery
from records.languages import Language
from resolvers.labels import labels
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import root
from schema.declarations.publishing import publishes

_MAX_TYPES: Final = 50


@publishes(Label, rule=Rule.PUBLIC, shows=("coordinate", "text", "language"))
class LabelType:
    """The published `Label`."""


@adds_to_query
class LabelQueries:
    """The root field of labels."""

    @root(labels, returns=list[LabelType] | None, rule=Rule.PUBLIC, expected_size=50)
    def labels(
        types: Annotated[
            list[str], strawberry.argument(description="Names of enumerations and object types; at most 50.")
        ],
        locale: Annotated[
            Language | None, strawberry.argument(description="The language; by default, that of `Accept-Language`.")
        ] = None,
        plain: Annotated[
            bool, strawberry.argument(description="In plain language, where there is such a text: whole sentences.")
        ] = False,
    ) -> LabelQuery:
        """Captions of the values of enumerations and of fields, for people. Types without captions have none."""
        if len(types) > _MAX_TYPES:
            raise BadInput(f"Argument 'types' holds {len(types)} names; at most {_MAX_TYPES} are allowed.")
        return LabelQuery(tuple(dict.fromkeys(types)), locale, plain)
