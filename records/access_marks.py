"""Marks the fields of records that decide about access: whose data a record is, and who may see it.

An agency's value of such a field fails closed: if it is missing or cannot be read, the record fails. It never becomes
public, and never somebody else's.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints


class AccessMark:
    """The mark of a field: `owner: Annotated[Nik, Doc("..."), DECIDES_ACCESS]`."""

    def __repr__(self) -> str:
        """As it is written."""
        return "DECIDES_ACCESS"


DECIDES_ACCESS: Final = AccessMark()


def list_access_fields(record: type[Any]) -> frozenset[str]:
    """The names of a record's marked fields."""
    hints = get_type_hints(record, include_extras=True)
    return frozenset(
        name for name, hint in hints.items() if get_origin(hint) is Annotated and DECIDES_ACCESS in get_args(hint)[1:]
    )
