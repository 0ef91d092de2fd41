"""Callers: their repr and the checks of their attributes."""

import copy
import pickle
from typing import Any

import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from tests.auth.callers import CITIZEN, OFFICIAL, SITI
from tests.fakes.clients import build_client


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        (ANONYMOUS, "<Caller anonymous>"),
        (CITIZEN, "<Caller citizen>"),
        (OFFICIAL, "<Caller official at dukcapil>"),
        (
            Caller(kind=CallerKind.PARTNER, client=build_client("kreditku"), subject="kreditku"),
            "<Caller partner by development/kreditku>",
        ),
        (Caller(kind=CallerKind.BUSINESS, nib="1234567890123", subject="toko"), "<Caller business>"),
    ],
)
def test_a_caller_can_be_logged(caller: Caller, shown: str) -> None:
    assert repr(caller) == str(caller) == f"{caller}" == shown


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"kind": CallerKind.ANONYMOUS, "nik": SITI}, "A caller of kind anonymous must not carry a NIK."),
        ({"kind": CallerKind.CITIZEN}, "A caller of kind citizen must carry a NIK."),
        (
            {"kind": CallerKind.CITIZEN, "nik": SITI, "agency": "crm"},
            "A caller of kind citizen must not carry an agency.",
        ),
        ({"kind": CallerKind.OFFICIAL}, "A caller of kind official must carry an agency."),
        (
            {"kind": CallerKind.OFFICIAL, "agency": "crm", "nik": SITI},
            "A caller of kind official must not carry a NIK.",
        ),
        ({"kind": CallerKind.ANONYMOUS, "agency": "crm"}, "A caller of kind anonymous must not carry an agency."),
        ({"kind": CallerKind.BUSINESS}, "A caller of kind business must carry a NIB."),
        ({"kind": CallerKind.PARTNER}, "A caller of kind partner must carry a client."),
        (
            {"kind": CallerKind.AGENCY_SYSTEM, "client": build_client("crm-dispatch")},
            "A caller of kind agency-system must carry an agency.",
        ),
        (
            {"kind": CallerKind.PARTNER, "client": build_client("kreditku"), "on_behalf_of": SITI},
            "A caller of kind partner must not act for a person.",
        ),
    ],
)
def test_a_contradictory_caller_is_refused(claims: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$") as refusal:
        Caller(**claims)
    assert SITI not in str(refusal.value)


def test_a_caller_is_immutable() -> None:
    caller: Any = ANONYMOUS
    with pytest.raises(AttributeError):
        caller.kind = CallerKind.OFFICIAL


@pytest.mark.parametrize("kind", CallerKind)
def test_a_kind_is_found_again_after_it_was_copied_or_stored(kind: CallerKind) -> None:
    kinds = {each: each.value for each in CallerKind}
    for same in (CallerKind(kind.value), copy.deepcopy(kind), pickle.loads(pickle.dumps(kind))):  # noqa: S301 - its own
        assert kinds[same] == kind.value
