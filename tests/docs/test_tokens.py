"""The city's OpenID provider matches its page, and the shell commands for partners give the tokens shown."""

import json
import os
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest

from sandbox.issuer.clients import CLIENTS, RegisteredClient, derive_client_secret
from sandbox.issuer.people import SignInPerson, list_people
from sandbox.issuer.server import build_discovery
from tests.docs.pages import read_pages
from tests.sandbox.provider_browser import issuer_url, verify_token
from tests.sandbox_agencies import RunningAgency

PARTNERS = read_pages("docs/partners/README.md")
ISSUER = read_pages("docs/agencies/issuer.md")
SHELL = re.findall(r"<!-- run: shell -->\n```sh\n(.*?)```(?:\n\n```json\n(.*?)```)?", PARTNERS, re.DOTALL)
GIVEN = re.compile(r"^(ISSUER|SECRET)=.*\n", re.MULTILINE)
CURL = shutil.which("curl")


def run_in_shell(provider: RunningAgency, lines: str) -> str:
    """Run the lines with the address and secret of this provider; returns their output."""
    secret = derive_client_secret("kredit-nusantara", provider.secret)
    environment = {**os.environ, "ISSUER": issuer_url(provider), "SECRET": secret}
    outcome = subprocess.run(  # noqa: S603 - the documentation's own lines
        ["/bin/sh", "-c", GIVEN.sub("", lines)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return outcome.stdout


def test_the_page_gives_address_and_secret_once() -> None:
    assert [GIVEN.findall(lines) for lines, _ in SHELL] == [["ISSUER", "SECRET"], [], []]
    assert "SECRET=$(.venv/bin/simpul secret kredit-nusantara)\n" in PARTNERS


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_a_partner_gets_the_token_that_the_page_shows(openid_provider: RunningAgency) -> None:
    lines, shown = SHELL[0]

    answer = json.loads(run_in_shell(openid_provider, lines))

    _, claims = verify_token(openid_provider, answer["access_token"])
    assert (claims["kind"], claims["client_id"]) == ("partner", "kredit-nusantara")
    assert {**answer, "access_token": "eyJ..."} == json.loads(shown)
    assert answer["access_token"].startswith("eyJ")


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_a_scope_of_another_client_is_refused_as_the_page_shows(openid_provider: RunningAgency) -> None:
    lines, shown = SHELL[1]

    assert json.loads(run_in_shell(openid_provider, lines)) == json.loads(shown)


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_the_address_of_the_token_endpoint_is_found_as_the_page_says(openid_provider: RunningAgency) -> None:
    lines, _ = SHELL[2]

    assert run_in_shell(openid_provider, lines) == f'"token_endpoint":"{issuer_url(openid_provider)}/token"\n'


def find_row(name: str) -> list[str]:
    """The cells of the table row for the name."""
    (found,) = re.findall(rf"^\| [^|]*`{re.escape(name)}`[^|]* \|(.*)\|$", ISSUER, re.MULTILINE)
    return [cell.strip() for cell in found.split("|")]


@pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.id)
def test_an_application_is_described_with_authentication_scopes_and_addresses(client: RegisteredClient) -> None:
    about, _, back = ISSUER.partition("| application | comes back to |")
    (cells,) = re.findall(rf"^\| `{client.id}` \|(.*)\|$", about, re.MULTILINE)
    _, proof, _, scopes = [cell.strip() for cell in cells.split("|")]

    assert ("secret" in proof) is not client.public
    assert tuple(re.findall(r"`([^`]+)`", scopes)) == client.scopes
    for uri in (*client.redirect_uris, *client.logout_uris):
        assert f"`{uri.replace('127.0.0.1/', '127.0.0.1:PORT/')}`" in back


@pytest.mark.parametrize("person", list_people().values(), ids=lambda person: person.key)
def test_a_person_of_the_sign_in_page_is_described_with_their_claims(person: SignInPerson) -> None:
    _, kind, claims_cell = find_row(person.key)

    assert kind == f"`{person.kind}`"
    claims = {"nik": person.nik, "nib": person.nib, "agency": person.agency, "unit": person.unit, "role": person.role}
    assert {name for name in claims if f"`{name}`" in claims_cell} == {name for name, value in claims.items() if value}
    assert all(f"`{value}`" in claims_cell for value in (person.agency, person.role) if value)
    assert ("`on_behalf_of`" in claims_cell) is (person.assists is not None)


def test_every_address_and_every_claim_of_the_provider_is_described() -> None:
    document = build_discovery("http://127.0.0.1:1")
    paths = {urlsplit(value).path for name, value in document.items() if name.endswith(("_endpoint", "_uri"))}

    assert {"/.well-known/openid-configuration", *paths} == set(re.findall(r"^\| `(/[^`]*)` \|", ISSUER, re.MULTILINE))
    assert all(f"`{claim}`" in ISSUER for claim in document["claims_supported"])
    assert all(f"`{level}`" in ISSUER for level in document["acr_values_supported"])
