"""The emergency lane: callers and operations that are served when others are refused, as the operator sets them.

An entry names an application (the client of its tokens), the id of a registered operation, or a kind of caller. All
three are known before any expensive step of a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from auth.caller import CallerKind
from records.hub.clients import ClientId

_KINDS: Final = frozenset(each.value for each in CallerKind) - {CallerKind.ANONYMOUS.value}
_SYNTAX_HELP: Final = (
    "Write client:ISSUER/NAME, operation:ID or kind:KIND, separated by spaces. Kinds: "
    + ", ".join(each.value for each in CallerKind if each is not CallerKind.ANONYMOUS)
    + "."
)


class EmergencyLane(NamedTuple):
    """The entries of the emergency lane; empty by default."""

    clients: frozenset[ClientId] = frozenset()
    """Applications, by issuer and name."""
    operations: frozenset[str] = frozenset()
    """Ids of registered operations, as requests send them."""
    kinds: frozenset[CallerKind] = frozenset()

    def includes(self, kind: CallerKind, client: ClientId | None) -> bool:
        """Whether a caller of this kind, with this application, has the emergency lane."""
        return kind in self.kinds or client in self.clients

    @property
    def has_callers(self) -> bool:
        """Whether any entry names callers."""
        return bool(self.clients or self.kinds)


def parse_lane(words: Sequence[str]) -> EmergencyLane:
    """Parse `client:ISSUER/NAME`, `operation:ID` and `kind:KIND`. Raises `ValueError` for other entries."""
    clients: set[ClientId] = set()
    named: dict[str, set[str]] = {"operation": set(), "kind": set()}
    for word in words:
        what, _, name = word.partition(":")
        if what not in {*named, "client"} or not name:
            raise ValueError(f"'{word}' is not an entry of the emergency lane. {_SYNTAX_HELP}")
        if what == "client":
            clients.add(_parse_client(word, name))
        else:
            named[what].add(name)
    unknown_kinds = sorted(named["kind"] - _KINDS)
    if unknown_kinds:
        raise ValueError(f"'{unknown_kinds[0]}' is not a kind of caller for the emergency lane. {_SYNTAX_HELP}")
    return EmergencyLane(
        clients=frozenset(clients),
        operations=frozenset(named["operation"]),
        kinds=frozenset(CallerKind(each) for each in named["kind"]),
    )


def _parse_client(word: str, name: str) -> ClientId:
    try:
        return ClientId.parse(name)
    except ValueError:
        raise ValueError(f"'{word}' is not an entry of the emergency lane. {_SYNTAX_HELP}") from None
