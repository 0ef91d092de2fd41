"""A client is an issuer and a name, and no two clients have the same text."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.hub.clients import MAX_CLIENT_ID_LENGTH, ClientId
from records.hub.operations import FIRST_PARTY

ISSUERS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,29}", fullmatch=True)
NAMES = st.text("ab/|:\0\n -é名", min_size=1, max_size=8).filter(lambda text: text.isprintable() and text.strip())


@given(ISSUERS, NAMES, ISSUERS, NAMES)
def test_client_ids_are_equal_only_for_the_same_issuer_and_name(
    issuer: str, name: str, other_issuer: str, other_name: str
) -> None:
    one, other = ClientId(issuer, name), ClientId(other_issuer, other_name)
    assert (one == other) == ((issuer, name) == (other_issuer, other_name))
    assert (one.issuer, one.name) == (issuer, name)
    assert ClientId.parse(one) == one == pickle.loads(pickle.dumps(one))  # noqa: S301 - made here
    assert one not in {FIRST_PARTY, ClientId.without_issuer("simpul")}


@pytest.mark.parametrize("issuer", ["", "City", "a/b", "-a", "a b", "a\n", "é", "a" * 31])
def test_an_invalid_issuer_name_is_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="not a valid issuer name"):
        ClientId(issuer, "portal")


@pytest.mark.parametrize("name", ["", " ", "a\n", "a\0b", "\u202eportal", "a" * 101])
def test_a_client_name_must_be_printable(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 100 printable characters"):
        ClientId("city", name)


@pytest.mark.parametrize("text", ["portal", "", "/portal", "City/portal", "https://city/portal"])
def test_a_client_without_an_issuer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="issuer/client_id"):
        ClientId.parse(text)


def test_a_client_without_an_issuer_has_an_empty_issuer_and_the_longest_id_fits_the_database() -> None:
    assert (FIRST_PARTY.issuer, FIRST_PARTY.name) == ("", "first-party")
    assert ClientId("city", "first-party") != FIRST_PARTY
    assert len(ClientId("a" * 30, "b" * 100)) == MAX_CLIENT_ID_LENGTH
    with pytest.raises(ValueError, match="no '/'"):
        ClientId.without_issuer("city/portal")
