"""Which agency answers which domain, by its code: for plans, costs, the ledger, metrics and traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLSchema

_EXTENSION: Final = "simpul-agencies"
"""The key of the codes in the `extensions` of a schema."""
HUB: Final = "hub"
"""In place of a code, where the hub itself knows the answer."""


class AgencyCodes:
    """The code of the agency that answers each domain. A domain without a code is named by its protocol."""

    def __init__(self, by_domain: Mapping[type[Any], str] | None = None) -> None:
        """Takes the codes by the protocol of their domain."""
        self._by_domain = dict(by_domain or {})

    def get(self, domain: type[Any] | None) -> str | None:
        """The code for a batch of this domain; None if the hub itself knows the answer."""
        if domain is None:
            return None
        code = self._by_domain.get(domain)
        return domain.__name__.lower() if code is None else code

    def __repr__(self) -> str:
        """The codes."""
        return f"<AgencyCodes {', '.join(self._by_domain.values())}>"


NO_CODES: Final = AgencyCodes()


def set_agency_codes(schema: GraphQLSchema, codes: AgencyCodes) -> None:
    """Store the codes with the schema of a hub."""
    schema.extensions[_EXTENSION] = codes


def get_agency_codes(schema: GraphQLSchema) -> AgencyCodes:
    """The codes of the hub that serves this schema."""
    codes = schema.extensions.get(_EXTENSION, NO_CODES)
    if not isinstance(codes, AgencyCodes):
        raise TypeError(f"The schema's extension '{_EXTENSION}' holds no codes of agencies.")
    return codes
