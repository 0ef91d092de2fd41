"""The examples that GraphiQL opens with are operations of the published schema."""

import json

import pytest
from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate

from tests.web.conftest import ROOT
from web.pages.graphiql import ExampleOperation, load_examples
from web.settings import WebSettings

EXAMPLES = load_examples(WebSettings().graphiql_examples)


def test_there_are_examples() -> None:
    assert [example.name for example in EXAMPLES][:2] == ["1_me", "2_complaints"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_one_titled_and_named_query_that_the_schema_knows(example: ExampleOperation) -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
    document = parse(example.query)
    assert validate(schema, document) == []
    (operation,) = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    assert operation.operation is OperationType.QUERY
    assert operation.name is not None, "the name is the tab's title"
    assert example.query.startswith(f"# {example.title}")
    assert len(example.title) > 10


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_brings_the_variables_that_it_requires(example: ExampleOperation) -> None:
    document = parse(example.query)
    (operation,) = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    declared = {each.variable.name.value for each in operation.variable_definitions or ()}
    given = json.loads(example.variables or "{}")
    assert set(given) <= declared
    assert bool(declared) == bool(given)
