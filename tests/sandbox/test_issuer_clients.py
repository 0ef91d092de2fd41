"""An application is sent people back to the addresses it registered, and has a secret of its own."""

import pytest

from auth.caller import CallerKind
from sandbox.issuer_clients import CLIENTS, PEOPLE, client_secret
from sandbox.issuer_people import listed_people


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:65535/callback", True),
        ("id.go.jakarta.sandbox:/callback", True),
        ("id.go.jakarta.sandbox:/callback/x", False),
        ("http://127.0.0.1:/callback", False),
        ("http://127.0.0.1:123456/callback", False),
        ("http://127.0.0.1:١/callback", False),
        ("http://127.0.0.1:1/callback\n", False),
        ("http://127.0.0.1:1/Callback", False),
        ("http://user@127.0.0.1:1/callback", False),
        ("http://127.0.0.10:1/callback", False),
    ],
)
def test_the_port_on_this_machine_is_free_and_nothing_else(uri: str, accepted: bool) -> None:  # noqa: FBT001 - a case of the table
    assert CLIENTS["city-app"].may_return_to(uri) is accepted


def test_every_kind_of_caller_of_the_hub_can_be_had_here() -> None:
    applications = {client.kind for client in CLIENTS.values() if client.kind is not None}
    people = {person.kind for person in listed_people().values()}

    assert people == PEOPLE
    assert applications | people == {kind.value for kind in CallerKind} - {"anonymous"}


def test_a_secret_is_made_from_the_providers_and_told_apart_by_client() -> None:
    secrets = {client_secret(client, "a") for client in CLIENTS} | {client_secret(client, "b") for client in CLIENTS}

    assert len(secrets) == 2 * len(CLIENTS)
    assert {len(secret) for secret in secrets} == {43}
    assert client_secret("graphiql", "a") == client_secret("graphiql", "a")
