"""What an operator is told about the issuers that they named."""

from __future__ import annotations

from auth.caller import CallerKind
from auth.issuers import Issuer
from tests.small_hub import settings_of
from wiring.callers import one_address, same_clients


def issuer(name: str, *kinds: CallerKind) -> Issuer:
    return Issuer.model_validate(
        {
            "name": name,
            "url": f"https://{name}.example",
            "audience": "simpul",
            "kinds": [kind.value for kind in kinds],
        }
    )


def test_of_issuers_that_prove_clients_each_can_make_the_others_and_that_is_told() -> None:
    city = issuer("city", CallerKind.PARTNER, CallerKind.CITIZEN)
    other = issuer("other", CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM)
    [told] = same_clients([city, other])
    assert told == (
        "The issuers city, other all prove callers of kind 'partner': each can make tokens of the others' clients."
        " Let one of them prove these, unless you trust them alike."
    )


def test_where_one_issuer_proves_each_kind_of_client_nothing_is_told() -> None:
    partners = issuer("partners", CallerKind.PARTNER)
    systems = issuer("systems", CallerKind.AGENCY_SYSTEM)
    people = issuer("people", CallerKind.CITIZEN, CallerKind.OFFICIAL)
    assert same_clients([partners, systems, people, issuer("more", CallerKind.CITIZEN)]) == []


def test_in_production_a_hub_that_trusts_no_proxy_tells_that_all_strangers_count_as_one() -> None:
    people = [issuer("people", CallerKind.CITIZEN)]
    [told] = one_address(settings_of(people))
    assert told.startswith("SIMPUL_TRUSTED_PROXIES is not set: everybody who comes through a proxy counts as one")
    assert one_address(settings_of(people, trusted_proxies=("127.0.0.1",))) == ()
    assert one_address(settings_of(people, development=True)) == ()
    assert one_address(settings_of(people, rates=("off",), failed_tokens=0)) == ()
