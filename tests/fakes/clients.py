"""Clients of the development issuer, whose tokens most tests use."""

from auth.tokens.development_issuer import NAME
from records.hub.clients import ClientId


def build_client(name: str) -> ClientId:
    """The client that development tokens call so."""
    return ClientId(NAME, name)
