"""The hub's settings come from the environment, and otherwise from the sandbox city."""

import base64
import os
from pathlib import Path

import pytest

from auth.caller import CallerKind
from auth.tokens.issuers import load_issuers
from cli.command_error import CommandError
from cli.hub_settings import build_production_environment, load_hub_settings
from cli.sandbox.hub_environment import AgencyEndpoint, build_hub_environment
from sandbox.agency import AGENCIES
from sandbox.issuer.clients import derive_client_secret
from sandbox.stand_ins.sources import list_served
from sandbox.state_folder import StateFolder
from settings.city.folder import DEFAULT_CITY
from tests.cli.command_line import run_simpul
from tests.fakes.city import VARIABLES, write_city


@pytest.fixture
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("SIMPUL_")})


def prepare_folder(path: Path) -> StateFolder:
    """The folder of a city that does not run."""
    folder = StateFolder(path)
    for agency in list_served(DEFAULT_CITY):
        folder.port(agency)
        folder.port(f"{agency}.control")
        folder.secret(agency)
    return folder


def test_each_agency_gets_its_own_address_and_credential(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    health = {"engine": "mariadb"}
    reaches = {
        name: AgencyEndpoint(port=1000 + n, user=f"u_{name}", secret="s/1", health=health)
        for n, name in enumerate(AGENCIES)
    }
    environment = build_hub_environment(folder, reaches)
    agencies = ("DUKCAPIL", "JAKPRENEUR", "PBB", "CRM", "PANGAN")
    assert {name: value for name, value in environment.items() if name.split("_")[1] in agencies} == {
        "SIMPUL_DUKCAPIL_URL": "postgresql://u_dukcapil:s%2F1@127.0.0.1:1000/siak",
        "SIMPUL_JAKPRENEUR_URL": "mysql://u_jakpreneur:s%2F1@127.0.0.1:1001/jakpreneur",
        "SIMPUL_PBB_URL": "http://127.0.0.1:1002/services/pbb",
        "SIMPUL_PBB_USER": "u_pbb",
        "SIMPUL_PBB_PASSWORD": "s/1",
        "SIMPUL_CRM_URL": "http://127.0.0.1:1003/open311/v2",
        "SIMPUL_CRM_KEY": "s/1",
        "SIMPUL_PANGAN_URL": "http://127.0.0.1:1004",
        "SIMPUL_PANGAN_KEY": "s/1",
    }
    assert len(base64.b64decode(environment["SIMPUL_SECRET"])) == 32
    assert build_hub_environment(folder, reaches)["SIMPUL_SECRET"] == environment["SIMPUL_SECRET"]


@pytest.mark.usefixtures("empty_environment")
def test_the_citys_terms_have_breakers_for_its_agencies(tmp_path: Path) -> None:
    settings = load_hub_settings(prepare_folder(tmp_path), port=8123)
    terms = [settings.build_terms(agency) for agency in AGENCIES]
    assert all(each.breaker is not None and each.retries and each.waiting is not None for each in terms)
    assert {name: each.deadline for name, each in zip(AGENCIES, terms, strict=True)} == {
        "dukcapil": 2.0,
        "jakpreneur": 2.0,
        "pbb": 5.0,
        "crm": 3.0,
        "pangan": 3.0,
    }


@pytest.mark.usefixtures("empty_environment")
def test_the_operators_city_folder_replaces_the_default(tmp_path: Path) -> None:
    os.environ["SIMPUL_CITY"] = str(write_city(tmp_path / "own", terms={"pbb": {"deadline": 9.0}}))
    settings = load_hub_settings(prepare_folder(tmp_path / "city"), port=8123)
    assert settings.build_terms("pbb").deadline == 9.0
    assert settings.build_terms("crm").breaker is None


@pytest.mark.usefixtures("empty_environment")
def test_a_hub_of_another_city_uses_the_database_of_the_sandbox(tmp_path: Path) -> None:
    folder, city = prepare_folder(tmp_path / "sandbox"), write_city(tmp_path / "own")
    port = folder.port("hub-state")
    for each in (city / "agencies").glob("*.toml"):
        each.unlink()
    os.environ["SIMPUL_CITY"] = str(city)
    settings = load_hub_settings(folder)
    assert (settings.city.path, settings.state_url.get_secret_value().count(f"127.0.0.1:{port}/")) == (city, 1)


def test_the_citys_openid_provider_is_trusted_if_it_runs(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert "SIMPUL_ISSUERS" not in build_hub_environment(folder, {})
    port = folder.port("issuer")
    (entry,) = load_issuers(Path(build_hub_environment(folder, {})["SIMPUL_ISSUERS"]))
    assert (entry.url, entry.audience) == (f"http://127.0.0.1:{port}", ("simpul",))
    assert set(entry.kinds) == set(CallerKind) - {CallerKind.ANONYMOUS}


@pytest.mark.usefixtures("empty_environment")
def test_people_sign_in_to_the_hubs_own_pages_at_the_citys_provider(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path)
    folder.port("issuer")
    folder.secret("issuer", lambda: "s-1")
    settings = load_hub_settings(folder, port=8123)
    assert (settings.sign_in_issuer, settings.sign_in_client) == ("sandbox", "simpul-pages")
    assert settings.sign_in_secret is not None
    assert settings.sign_in_secret.get_secret_value() == derive_client_secret("simpul-pages", "s-1")
    assert settings.base_url == "http://127.0.0.1:8123"


def test_a_production_hub_before_the_city_accepts_tokens_of_its_provider_only(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path)
    folder.port("issuer")
    settings = build_production_environment(folder, port=8123)
    assert {"SIMPUL_DEVELOPMENT", "SIMPUL_ISSUER_KEYS"} & settings.keys() == set()
    assert settings["SIMPUL_CITY"] == str(DEFAULT_CITY)
    (entry,) = load_issuers(Path(settings["SIMPUL_ISSUERS"]))
    assert (entry.name, list(entry.missing_bounds)) == ("sandbox", [])


@pytest.mark.usefixtures("empty_environment")
def test_with_the_operators_issuers_the_citys_provider_is_not_used_for_sign_in(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path)
    folder.port("issuer")
    folder.secret("issuer", lambda: "s-1")
    own = tmp_path / "own.toml"
    own.write_text('[[issuer]]\nname = "own"\nurl = "https://own.example"\naudience = "a"\nkinds = ["citizen"]\n')
    os.environ["SIMPUL_ISSUERS"] = str(own)
    assert load_hub_settings(folder, port=8123).sign_in_issuer is None


def test_without_mariadb_small_businesses_are_read_from_their_file(tmp_path: Path) -> None:
    reach = AgencyEndpoint(port=1, user="u", secret="s", health={"engine": "sqlite", "path": "/a b/jakpreneur.sqlite3"})
    environment = build_hub_environment(StateFolder(tmp_path), {"jakpreneur": reach})
    assert environment["SIMPUL_JAKPRENEUR_URL"] == "sqlite:////a b/jakpreneur.sqlite3"


@pytest.mark.usefixtures("empty_environment")
def test_the_operators_settings_override_the_citys(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path)
    os.environ["SIMPUL_PBB_URL"] = "https://pajak.example.go.id/soap"
    settings = load_hub_settings(folder, port=8123)
    agencies = settings.city.agencies
    assert agencies["pbb"].manifest.wire.url.get_secret_value() == "https://pajak.example.go.id/soap"
    assert agencies["crm"].manifest.wire.url.get_secret_value() == (
        f"http://127.0.0.1:{folder.known_port('crm')}/open311/v2"
    )
    assert settings.port == 8123
    assert settings.development


@pytest.mark.usefixtures("empty_environment")
def test_without_a_city_every_missing_setting_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        load_hub_settings(StateFolder(tmp_path))
    text = str(caught.value)
    assert text.startswith("the hub's settings are not complete: SIMPUL_CITY: ")
    for name in VARIABLES:
        assert f": {name} is not set" in text
    assert text.endswith(f"; not set: SIMPUL_SECRET, SIMPUL_STATE_URL; {tmp_path} holds no sandbox city")
    assert "\n" not in text


@pytest.mark.usefixtures("empty_environment")
def test_a_wrong_setting_is_named_without_its_value(tmp_path: Path) -> None:
    os.environ["SIMPUL_SECRET"] = base64.b64encode(b"short").decode()
    with pytest.raises(
        CommandError, match="SIMPUL_SECRET: Value error, the secret must hold at least 32 bytes"
    ) as caught:
        load_hub_settings(prepare_folder(tmp_path))
    assert os.environ["SIMPUL_SECRET"] not in str(caught.value)


def test_an_unknown_variable_is_refused(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    outcome = run_simpul(tmp_path, "agencies", "check", SIMPUL_PBB_ULR="http://x")
    assert outcome.returncode == 1
    assert outcome.stderr == (
        "simpul: the hub's settings are not complete: SIMPUL_PBB_ULR is not a setting of the hub. "
        "Correct its name or unset it.\n"
    )
