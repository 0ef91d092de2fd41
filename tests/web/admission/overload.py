"""A load shedder under overload, with verified and unverified tokens."""

from __future__ import annotations

from auth.caller import Caller, CallerKind
from auth.tokens.unverified_claims import UnverifiedClaims
from tests.fakes.clients import build_client
from tests.web.small_graph import SITI
from web.admission.emergency_lane import parse_lane
from web.admission.load_shedder import LoadShedder, TokenLookup

RESCUER = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, client=build_client("siaga-112"))
CITIZEN = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI)
LATER = 100.0


class ScriptedTokens:
    """Knows recently verified tokens, and tokens with unverified claims."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find_recent_caller(self, authorization: str, certificate: str | None) -> Caller | None:
        self.asked.append("recent")
        proven = {("rescuer", None): RESCUER, ("citizen", None): CITIZEN, ("bound", "thumbprint"): CITIZEN}
        return proven.get((authorization, certificate))

    def parse_unverified_claims(self, authorization: str) -> UnverifiedClaims | None:
        self.asked.append("claims")
        return {
            "new rescuer": UnverifiedClaims(CallerKind.CITIZEN, build_client("siaga-112")),
            "new": UnverifiedClaims(CallerKind.CITIZEN, None),
        }.get(authorization)


async def build_overloaded_shedder(*lane: str, tokens: TokenLookup | None = None) -> LoadShedder:
    """A load shedder that admits five requests of the emergency lane and no others; its clock stands still."""
    moments = iter([LATER - 1])
    shedding = LoadShedder(
        max_lag=0.1,
        lane=parse_lane(lane),
        tokens=tokens or ScriptedTokens(),
        clock=lambda: next(moments, LATER),
        cpu_clock=lambda: 0.0,
    )
    for _ in range(600):
        shedding.enter(LATER)
    for ago in (0.3, 0.2, 0.0):
        shedding.record_lag(LATER - ago, 1.0)
    for _ in range(599):
        shedding.leave()
    return shedding
