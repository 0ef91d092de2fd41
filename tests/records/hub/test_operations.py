"""Contracts of clients, and ranges of variables."""

from __future__ import annotations

import pytest

from records.hub.operations import ClientContract, VariableRange, range_to_json
from tests.fakes.clients import build_client


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
def test_a_range_names_the_fault_and_never_the_value(allowed: VariableRange, value: object, fault: str | None) -> None:
    assert allowed.find_fault(value) == fault


def test_a_contract_opens_fields_by_name_or_all_of_a_type() -> None:
    contract = ClientContract(
        client=build_client("kios"), scopes={"a": ("Query.markets", "Market.name"), "b": ("Market.*",)}
    )
    assert contract.find_scope("Query", "markets") == "a"
    assert contract.find_scope("Market", "name") == "a"
    assert contract.find_scope("Market", "level") == "b"
    assert contract.find_scope("Query", "me") is None
    assert contract.find_scope("*", "*") is None


def test_a_range_is_converted_with_its_set_limits_only() -> None:
    assert range_to_json(VariableRange(at_most=3, one_of=(1, 2))) == {"at_most": 3, "one_of": [1, 2]}
