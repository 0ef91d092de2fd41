"""Applications redirect people only to their registered addresses, and have their own secrets."""

import pytest

from auth.caller import CallerKind
from sandbox.issuer.clients import CLIENTS, PERSON_KINDS, derive_client_secret
from sandbox.issuer.people import list_people


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
        "id.go.jakarta.sandbox:/callback",
    ],
)
def test_a_registered_loopback_address_matches_with_any_port(uri: str) -> None:
    assert CLIENTS["city-app"].may_redirect_to(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "id.go.jakarta.sandbox:/callback/x",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:123456/callback",
        "http://127.0.0.1:\u0661/callback",
        "http://127.0.0.1:1/callback\n",
        "http://127.0.0.1:1/Callback",
        "http://user@127.0.0.1:1/callback",
        "http://127.0.0.10:1/callback",
        "http://localhost:1/callback",
    ],
)
def test_an_address_similar_to_a_registered_one_is_refused(uri: str) -> None:
    assert not CLIENTS["city-app"].may_redirect_to(uri)


def test_every_kind_of_caller_can_get_a_token() -> None:
    applications = {client.kind for client in CLIENTS.values() if client.kind is not None}
    people = {person.kind for person in list_people().values()}

    assert people == PERSON_KINDS
    assert applications | people == {kind.value for kind in CallerKind} - {"anonymous"}


def test_a_secret_is_derived_from_the_providers_and_differs_by_client() -> None:
    secrets = {derive_client_secret(client, "a") for client in CLIENTS} | {
        derive_client_secret(client, "b") for client in CLIENTS
    }

    assert len(secrets) == 2 * len(CLIENTS)
    assert {len(secret) for secret in secrets} == {43}
    assert derive_client_secret("graphiql", "a") == derive_client_secret("graphiql", "a")
