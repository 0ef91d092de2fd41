"""Which agencies answer which domain, by their codes: for plans, costs, the ledger, metrics and traces."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from graphql import GraphQLSchema

_EXTENSION: Final = "simpul-agencies"
"""The key of the codes in the `extensions` of a schema."""
HUB: Final = "hub"
"""In place of a code, where the hub itself knows the answer."""


class AgencyCodes:
    """The codes of the agencies that answer each domain of a hub."""

    def __init__(
        self,
        by_domain: Mapping[type[Any], Sequence[str]],
        lacks: Mapping[str, Collection[str]] = MappingProxyType({}),
        lookups: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        """Takes the codes by the protocol of their domain, and by code the reads that an agency does not have.

        `lookups` are the lookup classes of its commands, by code and name. No agency answers the other domains.
        """
        self._lookups = lookups
        self._by_domain = {domain: tuple(codes) for domain, codes in by_domain.items()}
        self._lacks = lacks
        self._only = {domain: codes[0] for domain, codes in self._by_domain.items() if len(codes) == 1}
        self.has_routes = len(self._only) < len(self._by_domain)
        """Whether several agencies answer some domain."""
        self._key = (
            frozenset(self._by_domain.items()),
            frozenset((code, frozenset(reads)) for code, reads in lacks.items()),
            frozenset((code, frozenset(commands.items())) for code, commands in lookups.items()),
        )

    def __eq__(self, other: object) -> bool:
        """Whether the same agencies answer the same domains, reads and commands."""
        return isinstance(other, AgencyCodes) and (type(self), self._key) == (type(other), other._key)

    def __hash__(self) -> int:
        """Of equal codes the same."""
        return hash(self._key)

    def answers(self, domain: type[Any] | None, read: str | None = None) -> bool:
        """Whether an agency, or for None the hub itself, answers the domain, or this read of it."""
        return domain is None or any(self.offers(code, read) for code in self._by_domain.get(domain, ()))

    def offers(self, code: str, read: str | None) -> bool:
        """Whether an agency has a read of its domain."""
        return read not in self._lacks.get(code, ())

    def list_lookups(self, domain: type[Any], command: str) -> Mapping[str, str]:
        """The lookup class of a command at each agency that takes it."""
        found = {code: self._lookups.get(code, {}).get(command) for code in self.list(domain)}
        return {code: lookup for code, lookup in found.items() if lookup is not None}

    def has_several(self, domain: type[Any] | None) -> bool:
        """Whether several agencies answer the domain."""
        return len(self.list(domain)) > 1

    def list(self, domain: type[Any] | None) -> tuple[str, ...]:
        """The codes of all agencies that answer the domain; empty if the hub itself does."""
        return () if domain is None else self._by_domain.get(domain, ())

    def get(self, domain: type[Any] | None) -> str | None:
        """The code of the only agency that answers the domain; None if the hub itself does, or several agencies."""
        return None if domain is None else self._only.get(domain)

    def describe(self, domain: type[Any] | None) -> str:
        """The code, the codes, or the hub, for errors and traces."""
        return " or ".join(self.list(domain)) or HUB

    def narrow(self, domain: type[Any], code: str) -> AgencyCodes:
        """The codes as if this agency alone answered the domain."""
        return AgencyCodes({**self._by_domain, domain: (code,)}, self._lacks, self._lookups)

    def __repr__(self) -> str:
        """The codes."""
        return f"<AgencyCodes {', '.join(code for codes in self._by_domain.values() for code in codes)}>"


class _AnyAgencies(AgencyCodes):
    """One agency for every domain, named by its protocol."""

    def answers(self, domain: type[Any] | None, read: str | None = None) -> bool:  # noqa: ARG002 - every domain is answered
        """True."""
        return True

    def list(self, domain: type[Any] | None) -> tuple[str, ...]:
        """The name of the protocol."""
        return () if domain is None else (domain.__name__.lower(),)

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
