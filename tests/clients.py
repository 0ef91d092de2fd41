"""Clients of the development issuer, whose tokens most tests use."""

from auth.development import NAME
from records.clients import ClientId


def client_named(name: str) -> ClientId:
    """The client that development tokens call so."""
    return ClientId(NAME, name)
