"""What marks a use of a service: the fields of its operation."""

from __future__ import annotations

import pytest

from schema.tools.catalogue_operations import find_marks


@pytest.mark.parametrize(
    ("operation", "marks"),
    [
        ("{ me { name taxObjects { nop } } }", {"Citizen.taxObjects"}),
        ("{ me { name birthDate } }", {"Citizen.name", "Citizen.birthDate"}),
        ("{ floodGates(first: 1) { nodes { name } } }", {"Query.floodGates"}),
        ('mutation Report { submitComplaint(key: "1") { __typename } }', {"Mutation.submitComplaint"}),
        ("{ me {", set()),
    ],
)
def test_it_is_the_root_field_or_what_is_read_of_a_person(operation: str, marks: set[str]) -> None:
    assert find_marks(operation) == marks
