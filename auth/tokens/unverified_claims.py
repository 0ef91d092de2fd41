"""Claims of a token before its verification: a hint, which never authorizes anything."""

from __future__ import annotations

from typing import NamedTuple

from auth.caller import CallerKind
from records.hub.clients import ClientId


class UnverifiedClaims(NamedTuple):
    """The claimed kind and client. Rules never see them."""

    kind: CallerKind
    client: ClientId | None
