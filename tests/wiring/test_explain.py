import pytest

from settings.city.folder import DEFAULT_CITY, load_city
from wiring.schema_tools import explain_operation

CITY = load_city(DEFAULT_CITY)
CITIZENS = """
query Citizens($niks: [NIK!]!, $more: Boolean = false) {
  citizens(niks: $niks) {
    name
    residence { region { name } }
    household { members { name citizen { birthDate } } }
    taxObjects { nop }
    complaints @include(if: $more) { number category { name } }
  }
  markets(first: 2) { prices { price } }
}
"""


def test_an_operation_is_explained_as_a_tree_of_batches_with_agencies_and_calls() -> None:
    text, _ = explain_operation(CITIZENS, city=CITY, operation_name=None, variables={"more": True})

    calls = "2 of 200 calls to crm, 4 of 200 calls to dukcapil, 3 of 23 calls to pangan, 10 of 200 calls to pbb"
    assert text.splitlines() == [
        "4 levels, calls: 2 to crm, 4 to dukcapil, 1 to pangan, 1 per key to pangan, 1 per key to pbb",
        f"expected: {calls}, 313 of 50000 objects, 454 of 4000000 values",
        "decisions may load first: preferences_of (the hub itself), family_cards_of (dukcapil, 1 call)",
        "citizens  <- known_citizens  dukcapil: 1 call",
        "  name  <- person_facets {Identity}  dukcapil: 1 call",
        "  residence  <- person_facets {Residence}  dukcapil: in the same call",
        "    region  <- regions  the hub itself: no call",
        "  household  <- households_of  dukcapil: 1 call",
        "    citizen  <- citizens  the hub itself: no call",
        "      birthDate  <- person_facets {Identity}  dukcapil: 1 call",
        "  taxObjects  <- tax_objects_of  pbb: 1 call per key, at most 8 concurrently",
        "  complaints  <- complaints_of  crm: 1 call",
        "    category  <- categories  crm: 1 call",
        "markets  <- market_lists  pangan: 1 call",
        "  prices  <- prices_of  pangan: 1 call per key, at most 4 concurrently",
    ]


def test_skipped_fields_are_not_in_the_plan() -> None:
    text, _ = explain_operation(CITIZENS, city=CITY, operation_name=None, variables={})

    assert "complaints" not in text


def test_the_source_holds_response_keys_and_attributes_and_no_value_of_the_caller() -> None:
    query = '{ found: markets(search: "a\\"); import os; (\\"", first: 1) { title: name } }'

    _, source = explain_operation(query, city=CITY, operation_name=None, variables={})

    assert "import os" not in source
    assert "'title': value if type(value := record.name) is str else leaf_1(value)," in source


def test_an_operation_that_cannot_be_explained_has_a_reason() -> None:
    with pytest.raises(ValueError, match="Cannot query field 'mee' on type 'Query'"):
        explain_operation("{ mee }", city=CITY, operation_name=None, variables={})
    with pytest.raises(ValueError, match=r"graphql-core runs this operation, because of: Query\.__schema"):
        explain_operation("{ __schema { description } }", city=CITY, operation_name=None, variables={})
