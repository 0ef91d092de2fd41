"""Callers of every kind."""

from auth.caller import ANONYMOUS, Caller, CallerKind
from records.identifiers import Nik
from tests.fakes.clients import build_client

SITI = Nik("3171014506900001")
BUDI = Nik("3171010101800002")

CITIZEN = Caller(kind=CallerKind.CITIZEN, nik=SITI)
OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil")
PARTNER = Caller(kind=CallerKind.PARTNER, client=build_client("kios"), scopes=frozenset({"prices:read", "places:read"}))
CALLERS = {"anonymous": ANONYMOUS, "citizen": CITIZEN, "official": OFFICIAL}
