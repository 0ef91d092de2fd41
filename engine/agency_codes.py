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
    """The code of the agency that answers each domain of a hub."""

    def __init__(self, by_domain: Mapping[type[Any], str]) -> None:
        """Takes the codes by the protocol of their domain. No agency answers the other domains."""
        self._by_domain = dict(by_domain)

    def answers(self, domain: type[Any] | None) -> bool:
        """Whether an agency, or for None the hub itself, answers the domain."""
        return domain is None or domain in self._by_domain

    def get(self, domain: type[Any] | None) -> str | None:
        """The code for a batch of this domain; None if the hub itself knows the answer."""
        return None if domain is None else self._by_domain.get(domain)

    def __repr__(self) -> str:
        """The codes."""
        return f"<AgencyCodes {', '.join(self._by_domain.values())}>"


class _AnyAgencies(AgencyCodes):
    """Agencies for every domain, named by its protocol."""

    def answers(self, domain: type[Any] | None) -> bool:  # noqa: ARG002 - every domain is answered
        """True."""
        return True

    def get(self, domain: type[Any] | None) -> str | None:
        """The name of the protocol."""
        return None if domain is None else domain.__name__.lower()


ANY_AGENCIES: Final = _AnyAgencies({})
"""For tools and tests that need no city: the whole graph, without codes."""


def set_agency_codes(schema: GraphQLSchema, codes: AgencyCodes) -> None:
    """Store the codes with the schema of a hub."""
    schema.extensions[_EXTENSION] = codes


def get_agency_codes(schema: GraphQLSchema) -> AgencyCodes:
    """The codes of the hub that serves this schema."""
    codes = schema.extensions.get(_EXTENSION, ANY_AGENCIES)
    if not isinstance(codes, AgencyCodes):
        raise TypeError(f"The schema's extension '{_EXTENSION}' holds no codes of agencies.")
    return codes
