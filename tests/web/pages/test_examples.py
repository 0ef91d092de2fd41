"""The examples that GraphiQL opens with are operations of the published schema, each for a sample person."""

import json
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate

from cli.sandbox.sample_callers import build_sample_callers
from sandbox.issuer.clients import CLIENTS
from tests.web.conftest import ROOT
from web.pages.graphiql import ExampleOperation, load_examples
from web.settings import WebSettings

FOLDER = WebSettings().graphiql_examples
EXAMPLES = load_examples(FOLDER, for_sandbox=True)
PERSONS = {
    "Me": "siti",
    "Complaints": None,
    "FoodPrices": None,
    "RegionCodes": None,
    "AccessHistory": "siti",
    "Consents": "siti",
    "DataRequests": "siti",
    "AskForACopy": "siti",
    "Citizens": "hendra",
    "RicePrice": "pantau-kota",
    "WhoReadWhat": "ratna",
    "MyCity": "siti",
    "FoodAndBus": "siti",
    "MarketsOfMyDistrict": "siti",
}


def get_operation(example: ExampleOperation) -> OperationDefinitionNode:
    (operation,) = [each for each in parse(example.query).definitions if isinstance(each, OperationDefinitionNode)]
    return operation


def get_name(example: ExampleOperation) -> str:
    name = get_operation(example).name
    assert name is not None, "the name is the tab's title"
    return name.value


def test_every_tab_has_the_person_who_may_run_it() -> None:
    assert {get_name(example): example.person for example in EXAMPLES} == PERSONS
    assert {person for person in PERSONS.values() if person} <= {*build_sample_callers(), *CLIENTS}


def test_outside_the_sandbox_no_example_names_a_person_or_changes_anything() -> None:
    examples = load_examples(FOLDER)
    assert [get_name(each) for each in examples] == list(PERSONS)[:7]
    assert {each.person for each in examples} == {None}
    assert {get_operation(each).operation for each in examples} == {OperationType.QUERY}


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "sandbox"], ids=lambda folder: folder.name)
def test_every_named_person_belongs_to_an_example(folder: Path) -> None:
    assert set(json.loads((folder / "people.json").read_text())) <= {path.stem for path in folder.glob("*.graphql")}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_one_titled_operation_that_the_schema_knows(example: ExampleOperation) -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
    assert validate(schema, parse(example.query)) == []
    assert example.query.startswith(f"# {example.title}")
    assert len(example.title) > 10


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_brings_the_variables_that_it_requires(example: ExampleOperation) -> None:
    declared = {each.variable.name.value for each in get_operation(example).variable_definitions or ()}
    given = json.loads(example.variables or "{}")
    assert set(given) <= declared
    assert bool(declared) == bool(given)


def test_the_partners_example_is_a_registered_operation_of_the_sandbox() -> None:
    (example,) = [each for each in EXAMPLES if each.person == "pantau-kota"]
    registered = (ROOT / "sandbox" / "contracts" / "pantau-kota" / "RicePrice.graphql").read_text(encoding="utf-8")
    assert example.query.endswith(registered)
