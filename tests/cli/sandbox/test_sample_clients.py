"""`simpul clients`, `simpul secret` and `simpul token --client` let a developer act as an application."""

import http.client
import json
from contextlib import closing
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import KeySet

from cli.sandbox.sample_callers import build_sample_callers, build_sample_partners
from sandbox.state_folder import StateFolder
from tests.cli.command_line import ServeProcess, run_simpul

CLIENTS = [
    "city-app",
    "graphiql",
    "audit-console",
    "simpul-pages",
    "kredit-nusantara",
    "pantau-kota",
    "beasiswa-jaya",
    "crm-dispatch",
    "dinkes-registry",
]


def read_keys(state: Path) -> KeySet:
    port = StateFolder(state).known_port("issuer")
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", "/jwks")
        return KeySet.import_key_set(json.loads(connection.getresponse().read()))


def test_applications_are_listed_with_their_grants_and_scopes(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "clients")

    assert outcome.returncode == 0
    lines = outcome.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["client", *CLIENTS]
    assert lines[6].strip().split("  ")[-1].strip() == "complaints:read, prices:read"


def test_an_applications_token_alone_on_its_line_is_signed_by_the_city(serve_process: ServeProcess) -> None:
    outcome = run_simpul(serve_process.state, "token", "--client", "crm-dispatch")

    assert (outcome.returncode, outcome.stderr, outcome.stdout.count("\n")) == (0, "", 1)
    claims = jwt.decode(outcome.stdout.strip(), read_keys(serve_process.state), algorithms=["ES256"]).claims
    assert (claims["kind"], claims["agency"], claims["client_id"]) == ("agency-system", "crm", "crm-dispatch")


def test_a_secret_is_alone_on_its_line_and_the_same_every_time(serve_process: ServeProcess) -> None:
    first, second = (run_simpul(serve_process.state, "secret", "pantau-kota") for _ in range(2))

    assert (first.returncode, len(first.stdout)) == (0, 44)
    assert first.stdout == second.stdout


def test_a_client_without_own_token_or_secret_is_refused_with_those_that_have_one(tmp_path: Path) -> None:
    token = run_simpul(tmp_path, "token", "--client", "graphiql")
    secret = run_simpul(tmp_path, "secret", "graphiql")
    unknown = run_simpul(tmp_path, "secret", "nobody")

    assert token.stderr == (
        "simpul: graphiql has no own token, because people sign in to it: choose one of "
        "kredit-nusantara, pantau-kota, beasiswa-jaya, crm-dispatch, dinkes-registry\n"
    )
    assert secret.stderr == (
        "simpul: graphiql is a public client and has no secret: choose one of "
        "audit-console, simpul-pages, kredit-nusantara, pantau-kota, beasiswa-jaya, crm-dispatch, dinkes-registry\n"
    )
    assert unknown.stderr == (
        f"simpul: 'nobody' is not an application of the sandbox city: choose one of {', '.join(CLIENTS)}\n"
    )


def test_a_token_is_for_a_person_or_an_application_but_not_both(tmp_path: Path) -> None:
    for arguments in ((), ("siti", "--client", "pantau-kota")):
        outcome = run_simpul(tmp_path, "token", *arguments)
        assert outcome.returncode == 1
        known = ", ".join([*build_sample_callers(), *build_sample_partners()])
        assert outcome.stderr == f"simpul: name either a sample person ({known}) or an application (--client)\n"


def test_without_a_city_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "secret", "pantau-kota")

    assert outcome.returncode == 1
    assert outcome.stderr == f"simpul: {tmp_path} holds no sandbox city: start it with `make serve`\n"


def test_without_the_provider_the_error_says_how_to_start_it(seeded_state: Path) -> None:
    outcome = run_simpul(seeded_state, "token", "--client", "pantau-kota")

    assert outcome.returncode == 1
    assert outcome.stderr == (
        "simpul: the city's OpenID provider gave no token: start the city with `make serve`, "
        "or the provider with `simpul sandbox start issuer`\n"
    )
