"""An unsound schema does not start: each kind of fault is planted and named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import strawberry

from auth.policy.rules import Access, Classification, Rule
from engine.batch import batch
from records.calls.answers import Answers
from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.population import Parentage
from records.purposes import Scope
from resolvers.batch_context import HubBatchContext
from resolvers.population import households_of
from schema.builder import build_schema, finish_schema
from schema.declarations.fields import derived, edge, root
from schema.declarations.publishing import publishes
from schema.tools.soundness import UnsoundSchema
from tests.schema.sample_types import LeafType


@dataclass(frozen=True)
class Tree:
    """A tree in a street."""

    id: Annotated[str, Doc("Number of the tree.")]
    height: Annotated[int, Doc("In metres.")]
    planted_by: Annotated[str | None, Doc("Who planted it."), DECIDES_ACCESS] = None
    bare: str = ""


@batch(domain=Tree)
async def trees(ids: Sequence[str], _context: HubBatchContext) -> Answers[str, Tree]:
    """Trees by number."""
    return {id_: Tree(id=id_, height=5) for id_ in ids}


class TreeSeason(DescribedEnum):
    """A season."""

    WET = "wet"


strawberry.enum(TreeSeason, description="A season.")


@strawberry.input(description="Which trees.")
class TreeFilter:
    tall: bool = False


def schema_with(tree: type[Any], *, root_rule: Rule | None = Rule.PUBLIC, answers: Any = None) -> strawberry.Schema:  # noqa: ANN401 - an annotation
    @root(trees, returns=answers or (tree | None), rule=root_rule)  # type: ignore[arg-type]  # None is what is planted
    def tree_(number: Annotated[str, strawberry.argument(description="Its number.")]) -> str:
        """One tree."""
        return number

    query = type("Query", (), {"tree": tree_})
    return finish_schema(strawberry.type(query, name="Query", description="Trees."))


def faults(make: Callable[[], object]) -> list[str]:
    with pytest.raises(UnsoundSchema) as refused:
        make()
    first, *lines = str(refused.value).splitlines()
    assert first == "The schema cannot be served:"
    return [line.removeprefix("- ") for line in lines]


def test_a_sound_schema_starts() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id", "height"))
    class TreeType:
        leaf: LeafType | None = edge(trees, key="id", description="The highest.")

        @derived(returns=bool)
        def tall(record: Tree) -> bool:
            """Whether it is tall."""
            return record.height > 10

    assert "tall: Boolean!" in schema_with(TreeType).as_str()


def test_the_hubs_own_schema_starts() -> None:
    assert "type Citizen implements Node" in build_schema().as_str()


def test_a_resolver_on_a_type_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType:
        @strawberry.field(description="One call for every tree.")  # type: ignore[untyped-decorator]  # Strawberry's own
        async def owner(self) -> str:
            await asyncio.sleep(0)
            return "x"

    assert faults(lambda: schema_with(TreeType)) == [
        "Tree.owner has its own resolver; declare an edge (key and batch) or a derived field instead."
    ]


def test_a_plain_field_that_was_not_published_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType:
        height: int = strawberry.field(description="In metres.")

    assert faults(lambda: schema_with(TreeType)) == [
        "Tree.height has its own resolver; declare an edge (key and batch) or a derived field instead."
    ]


def test_a_type_that_was_not_published_is_refused() -> None:
    @strawberry.type(description="A tree.")
    class Plain:
        id: str = strawberry.field(description="Its number.")

    assert faults(lambda: schema_with(Plain)) == [
        "Plain.id has its own resolver; declare an edge (key and batch) or a derived field instead."
    ]


def test_a_root_field_without_a_rule_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType: ...

    assert faults(lambda: schema_with(TreeType, root_rule=None)) == ["Query.tree has no rule; declare who may read it."]


def test_a_field_without_a_rule_is_refused() -> None:
    @publishes(Tree, rule=Rule(0), shows=("id",))
    class TreeType: ...

    assert faults(lambda: schema_with(TreeType)) == ["Tree.id has no rule; declare who may read it."]


def test_a_field_that_is_not_public_and_cannot_be_null_is_refused() -> None:
    @publishes(Tree, rule=Rule.SELF, shows=("id",), subject="planted_by")
    class TreeType:
        @derived(returns=bool)
        def tall(record: Tree) -> bool:
            """Whether it is tall."""
            return record.height > 10

    assert faults(lambda: schema_with(TreeType)) == [
        "Tree.tall is not public and must be nullable, so that it can be refused separately."
    ]


def test_an_edge_that_cannot_be_null_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType:
        leaves: list[LeafType] = edge(trees, key="id", description="What falls.")

    assert faults(lambda: schema_with(TreeType)) == [
        "Tree.leaves leads to an agency and must be nullable, so that it can fail separately."
    ]


def test_a_root_field_that_cannot_be_null_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType: ...

    assert faults(lambda: schema_with(TreeType, answers=TreeType)) == [
        "Query.tree leads to an agency and must be nullable, so that it can fail separately."
    ]


def test_an_async_derived_field_is_refused_at_its_declaration() -> None:
    with pytest.raises(TypeError, match=r"^The derived field tall is async; what has to be fetched is an edge\.$"):

        @derived(returns=bool)
        async def tall(record: Tree) -> bool:
            """Whether it is tall."""
            await asyncio.sleep(0)
            return record.height > 10


def test_a_field_without_a_description_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType:
        leaf: LeafType | None = edge(trees, key="id", description="")

        @derived(returns=bool)
        def tall(record: Tree) -> bool:
            return record.height > 10

    assert sorted(faults(lambda: schema_with(TreeType))) == [
        "Tree.leaf has no description.",
        "Tree.tall has no description.",
    ]


def test_an_argument_without_a_description_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType:
        @derived(returns=bool)
        def taller(record: Tree, than: int) -> bool:
            """Whether it is taller."""
            return record.height > than

    assert faults(lambda: schema_with(TreeType)) == ["Tree.taller has an argument 'than' without a description."]


def test_a_type_without_a_description_is_refused() -> None:
    @dataclass(frozen=True)
    class Shrub:
        id: Annotated[str, Doc("Number of the shrub.")]

    Shrub.__doc__ = ""

    @publishes(Shrub, rule=Rule.PUBLIC, shows=("id",))
    class ShrubType: ...

    assert faults(lambda: schema_with(ShrubType)) == ["Shrub has no description; write a docstring for its record."]


def test_an_enum_value_or_input_field_without_a_description_is_refused() -> None:
    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType:
        @derived(returns=bool)
        def blooms(
            record: Tree,
            season: Annotated[TreeSeason, strawberry.argument(description="When.")],
            wanted: Annotated[TreeFilter, strawberry.argument(description="Which.")],
        ) -> bool:
            """Whether it blooms."""
            return wanted.tall and season is TreeSeason.WET

    assert sorted(faults(lambda: schema_with(TreeType))) == [
        "TreeFilter.tall has no description.",
        "TreeSeason.WET has no description.",
    ]


def test_every_fault_is_named_in_one_error() -> None:
    @publishes(Tree, rule=Rule.SELF, shows=("id",))
    class TreeType:
        leaves: list[LeafType] = edge(trees, key="id", description="")

    assert faults(lambda: schema_with(TreeType)) == [
        "Tree.leaves is not public and must be nullable, so that it can be refused separately.",
        "Tree.leaves leads to an agency and must be nullable, so that it can fail separately.",
        "Tree.leaves has no description.",
    ]


def access_faults(access: Access) -> list[str]:
    @publishes(Tree, rule=access, shows=("id",), subject="planted_by")
    class TreeType: ...

    return faults(lambda: schema_with(TreeType))


def test_specific_data_without_purposes_is_refused() -> None:
    assert access_faults(Access(Rule.SELF | Rule.OFFICIAL, Classification.HEALTH)) == [
        "Tree.id is specific personal data; declare the purposes for which officials, systems and partners may read it."
    ]


def test_public_rules_and_the_public_class_must_agree() -> None:
    told = "must be PUBLIC data if and only if everybody may read it."
    assert f"Tree.id {told}" in access_faults(Access(Rule.SELF, Classification.PUBLIC))
    assert f"Tree.id {told}" in access_faults(Access(Rule.PUBLIC, Classification.PERSONAL))


def test_exactly_the_fields_for_partners_have_a_scope() -> None:
    told = "must declare a scope if and only if partners may read it."
    assert access_faults(Access(Rule.PARTNER)) == [f"Tree.id {told}"]
    assert access_faults(Access(Rule.SELF, scope=Scope.TAX)) == [f"Tree.id {told}"]


def test_population_data_for_partners_is_refused_by_record_and_by_batch() -> None:
    told = "is population data, which partners may verify but never read (UU 24/2013, article 79)."
    access = Access(Rule.PARTNER, scope=Scope.TAX)

    @publishes(Parentage, rule=access, shows=("mother_name",), subject="nik")
    class ParentageType: ...

    assert faults(lambda: schema_with(ParentageType)) == [f"Parentage.motherName {told}"]

    @publishes(Tree, rule=Rule.PUBLIC, shows=("id",))
    class TreeType:
        card: LeafType | None = edge(households_of, key="id", description="The card.", rule=access)

    assert faults(lambda: schema_with(TreeType)) == [f"Tree.card {told}"]
