"""What a client may run."""

from __future__ import annotations

import pytest

from records.operations import ClientContract, VariableRange, range_as_json
from tests.clients import client_named


@pytest.mark.parametrize(
    ("allowed", "value", "fault"),
    [
        (VariableRange(at_most=3), 3, None),
        (VariableRange(at_most=3), 4, "must be at most 3"),
        (VariableRange(at_most=3), 3.5, "must be at most 3"),
        (VariableRange(at_least=0), -1, "must be at least 0"),
        (VariableRange(at_most=3), "4", "must be a number"),
        (VariableRange(at_most=3), True, "must be a number"),
        (VariableRange(at_most=3), {"a": 1}, "must be a number"),
        (VariableRange(at_most=3), None, None),
        (VariableRange(at_most=3), [1, [2, 4]], "must be at most 3"),
        (VariableRange(most_items=2), [1, 2], None),
        (VariableRange(most_items=2), [1, 2, 3], "holds 3 values; at most 2 are allowed"),
        (VariableRange(most_items=2), [[1, 2, 3]], "holds 3 values; at most 2 are allowed"),
        (VariableRange(one_of=("a", "b")), "a", None),
        (VariableRange(one_of=("a", "b")), "c", "must be one of a, b"),
        (VariableRange(one_of=(1,)), True, "must be one of 1"),
        (VariableRange(one_of=("a",)), ["a", "b"], "must be one of a"),
        (VariableRange(), ["anything"], None),
    ],
)
def test_a_range_names_what_is_wrong_and_never_the_value(
    allowed: VariableRange, value: object, fault: str | None
) -> None:
    assert allowed.fault(value) == fault


def test_a_contract_opens_fields_by_name_or_all_of_a_type() -> None:
    contract = ClientContract(
        client=client_named("kios"), scopes={"a": ("Query.markets", "Market.name"), "b": ("Market.*",)}
    )
    assert contract.scope_of("Query", "markets") == "a"
    assert contract.scope_of("Market", "name") == "a"
    assert contract.scope_of("Market", "level") == "b"
    assert contract.scope_of("Query", "me") is None
    assert contract.scope_of("*", "*") is None


def test_a_range_is_written_with_what_it_limits() -> None:
    assert range_as_json(VariableRange(at_most=3, one_of=(1, 2))) == {"at_most": 3, "one_of": [1, 2]}
