"""How records become types, and what cannot be published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import strawberry

from auth.policy.rules import Rule
from engine.batch import batch
from records.calls.answers import Answers
from records.description import DECIDES_ACCESS, DescribedEnum, Doc, list_access_fields
from resolvers.batch_context import HubBatchContext
from schema.declarations.publishing import (
    Facet,
    get_field_description,
    get_publication,
    publishes,
    to_graphql_annotation,
)
from schema.declarations.scalars import publish_enum
from tests.schema.sample_types import Leaf, LeafType

OPEN = "Everybody can read one that is public."


@dataclass(frozen=True)
class StreetTree:
    """A tree in a street."""

    id: Annotated[str, Doc("Number of the tree.")]
    leaves: Annotated[tuple[Leaf, ...], Doc("What falls.")]
    crown: Annotated[Leaf | None, Doc("The highest leaf.")]
    heights: Annotated[tuple[int | None, ...], Doc("In metres, year by year.")]
    bare: Annotated[str, DECIDES_ACCESS] = ""


@batch(domain=StreetTree, has_facets=True)
async def crowns(_ids: Sequence[str], _context: HubBatchContext) -> Answers[str, Any]:
    """Crowns of trees."""
    return {}


def fields(published: type[Any]) -> dict[str, tuple[str, str | None]]:
    query = strawberry.type(type("Query", (), {"__annotations__": {"it": published}}), name="Query")
    type_: Any = strawberry.Schema(query=query)._schema.type_map[get_publication(published).name]
    return {name: (str(field.type), field.description) for name, field in type_.fields.items()}


def test_a_published_field_keeps_the_records_name_type_and_description() -> None:
    @publishes(StreetTree, rule=Rule.PUBLIC, shows=("id", "leaves", "crown", "heights"), nested=(LeafType,))
    class TreeType: ...

    assert fields(TreeType) == {
        "id": ("String!", "Number of the tree."),
        "leaves": ("[Leaf!]!", "What falls."),
        "crown": ("Leaf", "The highest leaf."),
        "heights": ("[Int]!", "In metres, year by year."),
    }


def test_a_field_that_is_not_public_is_nullable() -> None:
    @publishes(StreetTree, rule=Rule.OFFICIAL, shows=("id", "leaves"), nested=(LeafType,))
    class TreeType: ...

    assert {name: type_ for name, (type_, _) in fields(TreeType).items()} == {"id": "String", "leaves": "[Leaf!]"}


def test_fields_of_a_facet_are_nullable_even_if_public() -> None:
    facet = Facet(record=Leaf, batch=crowns, key_attribute="id", shows=("colour",))

    @publishes(StreetTree, rule=Rule.PUBLIC, shows=("id",), facets=(facet,))
    class TreeType: ...

    assert fields(TreeType) == {"id": ("String!", "Number of the tree."), "colour": ("String", "Its colour.")}


@pytest.mark.parametrize(
    ("rule", "public_when", "said"),
    [
        (Rule.PUBLIC, None, "A tree in a street."),
        (Rule.SELF, None, "A tree in a street.\n\nReadable by the person it is about."),
        (Rule.OFFICIAL, None, "A tree in a street.\n\nReadable by officials."),
        (
            Rule.SELF | Rule.OFFICIAL,
            "bare",
            f"A tree in a street.\n\nReadable by the person it is about and officials. {OPEN}",
        ),
    ],
)
def test_a_type_describes_who_may_read_it(rule: Rule, public_when: str | None, said: str) -> None:
    @publishes(StreetTree, rule=rule, shows=("id",), public_when=public_when)
    class TreeType: ...

    definition: Any = TreeType
    assert definition.__strawberry_definition__.description == said


@pytest.mark.parametrize("key", ["subject", "business", "agency", "public_when"])
def test_a_field_that_decides_about_access_must_be_marked_in_its_record(key: str) -> None:
    with pytest.raises(TypeError) as refused:
        publishes(StreetTree, rule=Rule.OFFICIAL, **{key: "id"})(type("TreeType", (), {}))  # type: ignore[arg-type]  # one key of several
    assert str(refused.value) == (
        "StreetTree.id decides about access. Mark it in its record: Annotated[..., DECIDES_ACCESS]."
    )
    assert list_access_fields(StreetTree) == {"bare"}


@pytest.mark.parametrize(
    ("more", "name"),
    [({"shows": ("id", "hight")}, "hight"), ({"subject": "owner"}, "owner"), ({"public_when": "open"}, "open")],
)
def test_an_unknown_field_is_refused(more: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"has no field '{name}'") as refused:
        publishes(StreetTree, rule=Rule.PUBLIC, **more)(type("TreeType", (), {}))
    assert str(refused.value) == (
        f"StreetTree has no field '{name}'; it has: bare, crown, heights, id, leaves. "
        "Publish a field that the record has."
    )


def test_an_unknown_field_of_a_facet_is_refused() -> None:
    facet = Facet(record=Leaf, batch=crowns, key_attribute="id", shows=("shape",))
    with pytest.raises(ValueError, match=r"^Leaf has no field 'shape'; it has: colour\."):
        publishes(StreetTree, rule=Rule.PUBLIC, facets=(facet,))(type("TreeType", (), {}))


def test_a_field_without_a_description_is_refused() -> None:
    with pytest.raises(TypeError) as refused:
        publishes(StreetTree, rule=Rule.PUBLIC, shows=("bare",))(type("TreeType", (), {}))
    assert str(refused.value) == (
        "StreetTree.bare has no description. Annotate it in its record: Annotated[..., Doc('...')]."
    )
    assert get_field_description(StreetTree, "id") == "Number of the tree."


def test_a_type_that_was_not_published_has_no_publication() -> None:
    with pytest.raises(
        TypeError, match=r"^StreetTree is not a published type; declare it with @publishes\(\.\.\.\)\.$"
    ):
        get_publication(StreetTree)


def test_enums_have_their_descriptions_and_are_published_once() -> None:
    class Season(DescribedEnum):
        """When."""

        WET = "wet", "It rains."
        DRY = "dry", "It does not."

    assert to_graphql_annotation(Season, {}) is publish_enum(Season) is Season
    definition: Any = Season
    assert [(each.name, each.description) for each in definition.__strawberry_definition__.values] == [
        ("WET", "It rains."),
        ("DRY", "It does not."),
    ]
