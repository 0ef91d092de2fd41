"""The page about Kotlin: its extensions and its operation fit the graph and the specification of nullability.

Kotlin itself is not compiled: that needs a Java machine.
"""

from __future__ import annotations

from pathlib import Path

from graphql import (
    DirectiveDefinitionNode,
    DirectiveNode,
    ScalarTypeDefinitionNode,
    SchemaExtensionNode,
    build_ast_schema,
    extend_schema,
    parse,
    print_ast,
    validate,
)

from tests.clients.pages import write_files

SPECIFICATION = """
directive @link(url: String!, import: [String]) repeatable on SCHEMA
directive @catch(to: CatchTo! = RESULT, levels: [Int!]! = [0]) repeatable on FIELD
directive @catchByDefault(to: CatchTo!) on SCHEMA
enum CatchTo { RESULT NULL THROW }
"""
"""What the specifications of nullability (v0.4) and of link (v1.0) define, beside `@semanticNonNull`."""
SEMANTIC_NON_NULL = "directive @semanticNonNull(levels: [Int!]! = [0]) on FIELD_DEFINITION"


def test_the_extensions_and_the_operation_of_the_page_fit_the_graph(tmp_path: Path) -> None:
    write_files("kotlin", tmp_path)
    extensions = parse((tmp_path / "extra.graphqls").read_text())
    [extension] = extensions.definitions
    assert isinstance(extension, SchemaExtensionNode)
    link, default = extension.directives or ()
    assert isinstance(link, DirectiveNode)
    given = {each.name.value: print_ast(each.value) for each in link.arguments or ()}
    assert given["url"] == '"https://specs.apollo.dev/nullability/v0.4"'
    assert given["import"] == '["@semanticNonNull", "@catch", "CatchTo", "@catchByDefault"]'
    assert print_ast(default) == "@catchByDefault(to: THROW)"

    graph = build_ast_schema(parse((tmp_path / "schema.graphql").read_text()))
    whole = extend_schema(extend_schema(graph, parse(SPECIFICATION)), extensions)
    assert validate(whole, parse((tmp_path / "Bills.graphql").read_text())) == []


def test_the_directive_of_the_graph_is_that_of_the_specification_which_the_page_imports(tmp_path: Path) -> None:
    write_files("kotlin", tmp_path)
    definitions = parse((tmp_path / "schema.graphql").read_text()).definitions
    [found] = [
        each
        for each in definitions
        if isinstance(each, DirectiveDefinitionNode) and each.name.value == "semanticNonNull"
    ]
    assert print_ast(found).rpartition("\n")[2] == SEMANTIC_NON_NULL


def test_every_scalar_of_the_graph_has_a_type_in_the_build_file(tmp_path: Path) -> None:
    write_files("kotlin", tmp_path)
    build = (tmp_path / "build.gradle.kts").read_text()
    graph = build_ast_schema(parse((tmp_path / "schema.graphql").read_text()))
    own = [name for name, each in graph.type_map.items() if isinstance(each.ast_node, ScalarTypeDefinitionNode)]
    assert len(own) >= 9
    assert [name for name in own if f'("{name}"' not in build] == []
