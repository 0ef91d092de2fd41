"""Messages to an operator about the configured issuers."""

from __future__ import annotations

from auth.caller import CallerKind
from auth.tokens.issuers import Issuer
from tests.fakes.small_hub import build_settings
from wiring.token_issuers import warn_no_first_party, warn_shared_address


def build_issuer(name: str, *kinds: CallerKind) -> Issuer:
    return Issuer.model_validate(
        {
            "name": name,
            "url": f"https://{name}.example",
            "audience": "simpul",
            "kinds": [kind.value for kind in kinds],
        }
    )


def test_an_issuer_of_people_without_first_party_apps_causes_a_warning() -> None:
    people, staff = build_issuer("people", CallerKind.CITIZEN), build_issuer("staff", CallerKind.OFFICIAL)
    listed = people.model_copy(update={"name": "listed", "first_party": ("city-app",)})
    about_citizens, about_staff = warn_no_first_party(
        [people, staff, listed, build_issuer("banks", CallerKind.PARTNER)]
    )
    assert about_citizens == (
        "The issuer people issues tokens of citizens but lists no first_party, so every app needs scopes and none"
        " has all rights of a person. List the city's own apps by their client_id."
    )
    assert about_staff == (
        "The issuer staff issues tokens of people who work for the city but lists no first_party, so they are refused."
        " List the city's own apps by their client_id."
    )


def test_in_production_a_missing_trusted_proxy_causes_a_warning() -> None:
    people = [build_issuer("people", CallerKind.CITIZEN)]
    [warnings] = warn_shared_address(build_settings(people))
    assert warnings.startswith("SIMPUL_TRUSTED_PROXIES is not set: all callers behind a proxy share one address")
    assert warn_shared_address(build_settings(people, trusted_proxies=("127.0.0.1",))) == ()
    assert warn_shared_address(build_settings(people, development=True)) == ()
    assert warn_shared_address(build_settings(people, rates=("off",), failed_tokens=0)) == ()
