"""Who a token says it is for, before anything of it is proven: a hint, by which nobody is let in anywhere."""

from __future__ import annotations

from typing import NamedTuple

from auth.caller import CallerKind
from records.hub.clients import ClientId


class UnverifiedClaims(NamedTuple):
    """What a token claims. No caller: rules never see it."""

    kind: CallerKind
    client: ClientId | None
