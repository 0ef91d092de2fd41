"""The hub's settings: read once, unknown names refused, secrets never shown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from auth.caller import CallerKind
from auth.tokens.development_issuer import ISSUER as DEVELOPMENT_ISSUER
from cache.limits.rate_limiter import Rate
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from engine.document.limits import Limits
from records.hub.clients import ClientId
from records.purposes import Purpose
from settings import COMMAND_LINE_VARIABLES, Settings, value_types
from settings.city.folder import DEFAULT_CITY, CityFolder, find_variables, load_city
from tests.fakes.city import Tables, build_policy, write_city
from tests.fakes.clients import build_client
from web.admission.emergency_lane import EmergencyLane
from web.rate_limits.rate_table import DEFAULT_RATES, parse_rates
from web.settings import Exposure

SECRET = b64encode(b"a secret of thirty-two bytes....").decode()
REQUIRED = {
    "SIMPUL_SECRET": SECRET,
    **dict.fromkeys(find_variables(DEFAULT_CITY), "https://agency.example"),
    "SIMPUL_STATE_URL": "postgresql://simpul:geheim-1@127.0.0.1/simpul",
    "SIMPUL_DUKCAPIL_URL": "postgresql://simpul:geheim-2@127.0.0.1/siak",
    "SIMPUL_JAKPRENEUR_URL": "mysql://simpul:geheim-3@127.0.0.1/jakpreneur",
    "SIMPUL_PBB_URL": "http://127.0.0.1:9003/services/pbb",
    "SIMPUL_PBB_USER": "simpul",
    "SIMPUL_PBB_PASSWORD": "geheim-4",
    "SIMPUL_CRM_URL": "http://127.0.0.1:9004/open311/v2",
    "SIMPUL_CRM_KEY": "geheim-5",
    "SIMPUL_PANGAN_URL": "http://127.0.0.1:9005",
    "SIMPUL_PANGAN_KEY": "geheim-6",
    "SIMPUL_PROBE_NIK": "3171014506900001",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only the required settings."""
    import os  # noqa: PLC0415 - to clear what the machine has set

    for name in [name for name in os.environ if name.upper().startswith("SIMPUL_")]:
        monkeypatch.delenv(name)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SIMPUL_ISSUERS", issuers_file(tmp_path_factory.mktemp("issuers")))
    monkeypatch.setattr(value_types, "load_city", load_city_once)


def load_city_once(path: Path, environment: Mapping[str, str]) -> CityFolder:
    """As `load_city`: the default city is read once for equal variables."""
    if path != DEFAULT_CITY:
        return load_city(path, environment)
    return load_default_city(frozenset((each, environment.get(each)) for each in find_default_variables()))


@cache
def find_default_variables() -> frozenset[str]:
    return find_variables(DEFAULT_CITY)


@cache
def load_default_city(variables: frozenset[tuple[str, str | None]]) -> CityFolder:
    return load_city(DEFAULT_CITY, {name: value for name, value in variables if value is not None})


def issuers_file(folder: Path, *lines: str, kinds: str = '"citizen"') -> str:
    """A file with one issuer; `lines` follow its kinds."""
    file = folder / "issuers.toml"
    least = '[[issuer]]\nname = "warga"\nurl = "https://masuk.example"\naudience = "hub"\n'
    file.write_text(least + f"kinds = [{kinds}]\n" + "\n".join(lines))
    return str(file)


def read() -> Settings:
    return Settings()  # type: ignore[call-arg]  # its values come from the environment


def refusal() -> str:
    with pytest.raises(ValidationError) as refused:
        read()
    return str(refused.value)


def test_defaults_are_safe() -> None:
    settings = read()
    assert settings.development is False
    assert settings.schema_exposure is Exposure.OFF
    assert (settings.web.graphiql, settings.web.development) == (Exposure.OFF, False)
    assert settings.allowed_origins == ()
    assert not settings.web.origins
    assert (settings.port, settings.request_timeout, settings.agency_timeout) == (8000, 20.0, 5.0)
    assert settings.max_body_bytes == 1024 * 1024


def test_development_turns_on_introspection_and_graphiql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", "true")
    settings = read()
    assert settings.schema_exposure is Exposure.ON
    assert (settings.web.graphiql, settings.web.development) == (Exposure.ON, True)


@pytest.mark.parametrize("development", ["true", "false"])
@pytest.mark.parametrize("wanted", list(Exposure))
def test_introspection_and_graphiql_can_be_set_separately(
    development: str, wanted: Exposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", development)
    monkeypatch.setenv("SIMPUL_INTROSPECTION", wanted.value)
    monkeypatch.setenv("SIMPUL_GRAPHIQL", wanted.value)
    assert (read().schema_exposure, read().web.graphiql) == (wanted, wanted)


@pytest.mark.parametrize("name", ["SIMPUL_INTROSPECTION", "SIMPUL_GRAPHIQL"])
@pytest.mark.parametrize("value", ["true", "On", "signed_in", ""])
def test_exposure_must_be_one_of_three_words(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert "'off', 'signed-in' or 'on'" in refusal()


def test_load_is_shed_and_the_emergency_lane_is_empty_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (read().shed_after, read().lane) == (100, EmergencyLane())
    monkeypatch.setenv("SIMPUL_EMERGENCY_LANE", "client:development/siaga-112 kind:official")
    assert read().lane == EmergencyLane(
        frozenset({build_client("siaga-112")}), frozenset(), frozenset({CallerKind.OFFICIAL})
    )
    monkeypatch.setenv("SIMPUL_EMERGENCY_LANE", "siaga-112")
    assert "'siaga-112' is not an entry of the emergency lane. Write client:ISSUER/NAME" in refusal()


def test_callers_are_limited_except_in_development(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read().rate_table == parse_rates(DEFAULT_RATES)
    assert (read().failed_tokens, read().redis_url) == (60, None)
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", "true")
    assert read().rate_table == {}
    monkeypatch.setenv("SIMPUL_RATES", "citizen:10/1000")
    assert read().rate_table[CallerKind.CITIZEN] == (Rate(10), Rate(1000), Rate(60))


def test_a_rate_for_an_unknown_kind_of_caller_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_RATES", "citizen:10/1000 citizens:10/1000")
    assert "'citizens' is not a kind of caller. Write kind:requests/points" in refusal()


def test_the_address_of_redis_is_checked_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_REDIS_URL", "https://:geheim-8@127.0.0.1/0")
    message = refusal()
    assert "the address of Redis must begin with redis://, rediss://, unix://" in message
    assert "geheim" not in message
    monkeypatch.setenv("SIMPUL_REDIS_URL", "redis://:geheim-8@127.0.0.1/0")
    assert "geheim" not in repr(read())


@pytest.mark.parametrize("name", ["SIMPUL_PROT", "SIMPUL_SECRETS", "simpul_prot", "Simpul_Prot", "SIMPUL_"])
def test_an_unknown_name_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "geheim-7")
    message = refusal()
    assert f"{name} is not a setting of the hub. Correct its name or unset it." in message
    assert "geheim" not in message


@pytest.mark.parametrize("name", ["simpul_listen", "Simpul_Listen", "simpul_without", "SIMPUL_L\u0131STEN"])
def test_a_setting_has_only_one_spelling(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", "true")
    monkeypatch.setenv("SIMPUL_LISTEN", "0.0.0.0:8000")
    monkeypatch.setenv(name, "127.0.0.1:8000")
    assert f"{name} is not a setting of the hub. Write it in capital letters: {name.upper()} or unset it." in refusal()


@pytest.mark.parametrize("name", sorted(COMMAND_LINE_VARIABLES))
def test_command_line_variables_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    assert read().port == 8000


def test_purposes_are_parsed_into_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read().policy == build_policy()
    monkeypatch.setenv("SIMPUL_PURPOSES", "pbb:TAX_ASSESSMENT,PAYMENT pbb/counter:SUBJECT_REQUEST")
    assert read().policy.purposes == {
        "pbb": {Purpose.TAX_ASSESSMENT, Purpose.PAYMENT},
        "pbb/counter": {Purpose.SUBJECT_REQUEST},
    }


def test_an_unknown_purpose_stops_the_start_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_PURPOSES", "pbb:CURIOSITY")
    with pytest.raises(ValidationError, match="'pbb:CURIOSITY' does not assign purposes to an agency"):
        read()


@pytest.mark.parametrize("name", ["SIMPUL_SECRET", "SIMPUL_STATE_URL"])
def test_a_missing_required_setting_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ValidationError) as refused:
        read()
    [error] = refused.value.errors()
    assert (error["type"], error["loc"]) == ("missing", (name.removeprefix("SIMPUL_").lower(),))


@pytest.mark.parametrize("secret", ["", "short", b64encode(b"x" * 31).decode(), "geheim geheim geheim", "é" * 50])
def test_a_short_or_malformed_secret_is_refused_and_not_shown(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_SECRET", secret)
    message = refusal()
    assert "the secret must hold at least 32 bytes in base64: `openssl rand -base64 32` makes one" in message
    assert not secret or secret not in message.replace("too_short", "")


def test_a_secret_is_decoded_to_bytes() -> None:
    assert read().secret_bytes == b"a secret of thirty-two bytes...."


@pytest.mark.parametrize("show", [repr, str, lambda settings: str(settings.model_dump())])
def test_no_secret_is_shown(show: Any) -> None:  # noqa: ANN401 - a way of showing
    shown = show(read())
    assert "geheim" not in shown
    assert SECRET not in shown
    assert REQUIRED["SIMPUL_PROBE_NIK"] not in shown
    assert "geheim" not in repr(read().web)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIMPUL_LISTEN", "127.0.0.1:0"),
        ("SIMPUL_LISTEN", "127.0.0.1:65536"),
        ("SIMPUL_LISTEN", "127.0.0.1:http"),
        ("SIMPUL_LISTEN", "8000"),
        ("SIMPUL_LISTEN", ":8000"),
        ("SIMPUL_LISTEN", "::1:8000"),
        ("SIMPUL_LISTEN", "[127.0.0.1]:8000"),
        ("SIMPUL_LISTEN", "hub.example:8000"),
        ("SIMPUL_REQUEST_TIMEOUT", "0"),
        ("SIMPUL_REQUEST_TIMEOUT", "121"),
        ("SIMPUL_REQUEST_TIMEOUT", "nan"),
        ("SIMPUL_REQUEST_TIMEOUT", "inf"),
        ("SIMPUL_AGENCY_TIMEOUT", "-1"),
        ("SIMPUL_AGENCY_TIMEOUT", "nan"),
        ("SIMPUL_MAX_BODY_BYTES", "1023"),
        ("SIMPUL_DEVELOPMENT", "perhaps"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_the_name_of_its_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert name.removeprefix("SIMPUL_").lower() in refusal()


def test_origins_are_separated_by_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_ALLOWED_ORIGINS", " https://a.example  https://b.example ")
    assert read().web.allowed_origins == ("https://a.example", "https://b.example")
    assert "http://localhost:5173" not in read().web.origins


def test_development_allows_pages_of_the_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", "true")
    assert "http://localhost:5173" in read().web.origins
    assert "https://evil.example" not in read().web.origins


def test_settings_do_not_change() -> None:
    settings: Any = read()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1
    assert settings.development is False


def test_every_setting_has_a_description() -> None:
    assert {
        name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")
    } == set()


def test_each_limit_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read().limits == Limits(calls_by_agency={"pangan": 23, "satusehat": 210})
    for name, value in {"DEPTH": 5, "FIELDS": 6, "BREADTH": 7, "ALIASES": 8, "LIST_ITEMS": 9, "CALLS": 10}.items():
        monkeypatch.setenv(f"SIMPUL_LIMIT_{name}", str(value))
    monkeypatch.setenv("SIMPUL_LIMIT_OBJECTS", "11")
    city = write_city(tmp_path / "city", terms={"pangan": {"rate": 0.25, "burst": 3}})
    monkeypatch.setenv("SIMPUL_CITY", str(city))
    monkeypatch.setenv("SIMPUL_REQUEST_TIMEOUT", "10")
    assert read().limits == Limits(
        depth=5, fields=6, breadth=7, aliases=8, list_items=9, calls=10, objects=11, calls_by_agency={"pangan": 3 + 2}
    )


def test_a_hub_without_issuers_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMPUL_ISSUERS")
    assert (
        "SIMPUL_ISSUERS is not set: no caller can be authenticated. Name a file of issuers, "
        "or set SIMPUL_ISSUER_KEYS for development tokens."
    ) in refusal()


def test_issuers_are_read_from_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_ISSUERS", issuers_file(tmp_path))
    [issuer] = read().issuers
    assert (issuer.name, issuer.url, issuer.kinds) == ("warga", "https://masuk.example", (CallerKind.CITIZEN,))
    assert read().issuer_keys is None


OFFICIALS = 'agencies = ["dinkes"]'
PARTNERS = 'clients = { bank = { kind = "partner" } }'
SYSTEMS = 'clients = { siak = { kind = "agency-system", agency = "dukcapil" } }'


@pytest.mark.parametrize(
    ("kinds", "lines", "lacks"),
    [
        ('"official"', (), "agencies: name the agencies for whose callers it may speak (its kinds hold official)"),
        ('"supervisor"', (PARTNERS,), "issuer 1: clients: 'partner' is not among the kinds of this issuer"),
        ('"supervisor"', (), "agencies: name the agencies for whose callers it may speak (its kinds hold supervisor)"),
        ('"agency-system"', (SYSTEMS,), "agencies: name the agencies for whose callers it may speak"),
        ('"agency-system"', (OFFICIALS,), "clients: name the clients of kind 'agency-system' for which it may speak"),
        ('"agency-system"', (OFFICIALS, SYSTEMS), "clients: 'dukcapil' is not among the agencies of this issuer"),
        (
            '"partner"',
            (),
            "clients: name the clients of kind 'partner' for which it may speak, or remove it from kinds",
        ),
        ('"citizen", "partner"', (OFFICIALS,), "clients: name the clients of kind 'partner' for which it may speak"),
        ('"partner", "agency-system"', (OFFICIALS, PARTNERS), "clients: name the clients of kind 'agency-system'"),
    ],
)
def test_outside_development_an_unbound_issuer_stops_the_start(
    kinds: str, lines: tuple[str, ...], lacks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_ISSUERS", issuers_file(tmp_path, *lines, kinds=kinds))
    assert lacks in refusal()


@pytest.mark.parametrize(
    ("kinds", "lines"),
    [
        ('"citizen", "business", "steward", "auditor", "protection-officer", "operator"', ()),
        ('"official", "supervisor"', (OFFICIALS,)),
        ('"partner"', (PARTNERS,)),
        ('"agency-system"', ('agencies = ["dukcapil"]', SYSTEMS)),
    ],
)
def test_a_bound_issuer_is_accepted(
    kinds: str, lines: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_ISSUERS", issuers_file(tmp_path, *lines, kinds=kinds))
    assert read().issuers[0].missing_bounds == []


def test_in_development_an_issuer_may_be_unbound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_ISSUERS", issuers_file(tmp_path, kinds='"official", "partner"'))
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", "true")
    assert len(read().issuers[0].missing_bounds) == 2


def test_outside_development_the_development_issuer_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_ISSUER_KEYS", "/run/keys.json")
    assert "SIMPUL_ISSUER_KEYS: the private key of the development issuer can sign a token for any caller" in refusal()
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", "true")
    assert read().issuer_keys == Path("/run/keys.json")


def test_outside_development_the_development_issuer_is_refused_in_the_issuers_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(issuers_file(tmp_path, 'keys = "keys.json"'))
    file.write_text(file.read_text().replace("https://masuk.example", DEVELOPMENT_ISSUER))
    monkeypatch.setenv("SIMPUL_ISSUERS", str(file))
    assert "SIMPUL_ISSUERS holds the development issuer (url 'simpul-development')" in refusal()


def test_an_issuer_cannot_have_the_name_of_the_development_issuer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(issuers_file(tmp_path))
    file.write_text(file.read_text().replace('"warga"', '"development"'))
    monkeypatch.setenv("SIMPUL_ISSUERS", str(file))
    monkeypatch.setenv("SIMPUL_DEVELOPMENT", "true")
    assert read().issuers[0].name == "development"
    monkeypatch.setenv("SIMPUL_ISSUER_KEYS", "/run/keys.json")
    assert "SIMPUL_ISSUERS holds an issuer with the name 'development', like the development issuer" in refusal()


@pytest.mark.parametrize(
    ("client", "why"),
    [
        ("portal", "a client is written 'issuer/client_id'"),
        ("Warga/portal", "a client is written 'issuer/client_id'"),
        ("/portal", "a client is written 'issuer/client_id'"),
        ("warga/", "The name of a client has 1 to 100 printable characters"),
        ("other/portal", "names a client of the issuer 'other', which SIMPUL_ISSUERS does not hold"),
    ],
)
def test_the_data_tracker_client_must_belong_to_a_known_issuer(
    client: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_DATA_TRACKER_CLIENT", "warga/portal")
    assert read().data_tracker_client == ClientId("warga", "portal")
    monkeypatch.setenv("SIMPUL_DATA_TRACKER_CLIENT", client)
    assert why in refusal()


def test_an_invalid_issuers_file_is_named_with_its_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_ISSUERS", str(tmp_path / "none.toml"))
    message = refusal()
    assert "issuers" in message
    assert f"the file of issuers '{tmp_path}/none.toml' cannot be read: No such file or directory" in message


def test_data_contracts_are_those_of_the_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(load_city(DEFAULT_CITY).contracts)
    assert {"crm", "dukcapil", "jakpreneur", "pbb"} <= set(every)
    assert list(read().contracts) == every
    monkeypatch.setenv("SIMPUL_CITY", str(write_city(tmp_path / "city", contracts={"crm": None})))
    assert list(read().contracts) == [each for each in every if each != "crm"]
    monkeypatch.setenv("SIMPUL_CITY", str(tmp_path / "none"))
    assert f"{tmp_path}/none/city.toml: it cannot be read: No such file or directory" in refusal()


def test_trusted_certificate_proxies_are_named_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (read().web.certificate_header, read().web.trusted_proxies) == (None, ())
    monkeypatch.setenv("SIMPUL_CERTIFICATE_HEADER", "Client-Cert")
    monkeypatch.setenv("SIMPUL_TRUSTED_PROXIES", "10.0.0.7 fd00::7")
    assert (read().web.certificate_header, read().web.trusted_proxies) == ("Client-Cert", ("10.0.0.7", "fd00::7"))
    monkeypatch.setenv("SIMPUL_TRUSTED_PROXIES", "10.244.0.0/16 10.0.0.7/32")
    assert read().web.trusted_proxies == ("10.244.0.0/16", "10.0.0.7")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIMPUL_CERTIFICATE_HEADER", "Client Cert"),
        ("SIMPUL_TRUSTED_PROXIES", "gateway"),
        ("SIMPUL_TRUSTED_PROXIES", "10.0.0.7/8"),
    ],
)
def test_an_invalid_header_or_address_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert name.removeprefix("SIMPUL_").lower() in refusal()


def test_reads_are_recorded_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read()
    assert (settings.ledger, settings.ledger_timeout, settings.data_tracker_client) == (True, 2.0, None)
    assert settings.disclosure_delays == {}
    monkeypatch.setenv("SIMPUL_LEDGER", "false")
    assert read().ledger is False


def test_hidden_purposes_have_their_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_LEDGER_HIDDEN", "penyidikan:90 urn:x:audit:1")
    assert read().disclosure_delays == {"penyidikan": timedelta(days=90), "urn:x:audit": timedelta(days=1)}


@pytest.mark.parametrize("hidden", ["penyidikan", ":3", "penyidikan:", "penyidikan:0", "a:1 penyidikan:4000", "a:x"])
def test_a_hidden_purpose_with_invalid_days_is_refused_and_named(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_LEDGER_HIDDEN", hidden)
    assert f"'{hidden.rsplit(maxsplit=1)[-1]}' is not a purpose with days" in refusal()


def test_terms_that_a_manifest_leaves_out_follow_the_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terms: Tables = {"pbb": {"deadline": 3.0, "rate": 2.5}, "pangan": {"rate": 10.0, "breaker": {}}}
    monkeypatch.setenv("SIMPUL_CITY", str(write_city(tmp_path / "city", terms=terms)))
    settings = read()
    assert settings.build_terms("dukcapil") == AgencyTerms(deadline=5.0, max_concurrency=8)
    assert settings.build_terms("crm") == AgencyTerms(deadline=5.0, max_concurrency=32)
    assert settings.build_terms("pbb") == AgencyTerms(deadline=3.0, max_concurrency=32, rate=2.5)
    assert settings.build_terms("pangan") == AgencyTerms(
        deadline=5.0, max_concurrency=32, rate=10.0, breaker=BreakerEntry()
    )
    assert settings.limits.calls_by_agency == {"pbb": 53, "pangan": 210}


@pytest.mark.parametrize(
    ("processes", "sessions", "calls"),
    [
        ((1, None), 20, 8),  # the default of the driver is less than the share
        ((1, None), 5, 5),
        ((1, 2), 20, 5),  # during a reload, two old workers run beside two new ones
        ((2, 4), 20, 1),
        ((1, 2), 4, 1),
    ],
)
def test_a_process_makes_as_many_calls_as_its_share_of_sessions(
    processes: tuple[int, int | None], sessions: int, calls: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hubs, workers = processes
    monkeypatch.setenv("SIMPUL_CITY", str(write_city(tmp_path / "city", terms={"dukcapil": {"sessions": sessions}})))
    monkeypatch.setenv("SIMPUL_HUBS", str(hubs))
    if workers is not None:
        monkeypatch.setenv("SIMPUL_WORKERS", str(workers))
    assert read().build_terms("dukcapil").max_concurrency == calls


def test_an_invalid_manifest_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    city = write_city(tmp_path / "city", terms={"pbb": {"retry": 3}})
    monkeypatch.setenv("SIMPUL_CITY", str(city))
    line = (city / "agencies" / "pbb.toml").read_text().splitlines().index("retry = 3") + 1
    assert (
        f"{city}/agencies/pbb.toml:{line}: terms.retry: unknown key; write retries, or remove it: [terms] has"
        in refusal()
    )


def test_a_missing_variable_of_a_manifest_is_named_with_its_file_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMPUL_PBB_USER")
    assert "cities/jakarta/agencies/pbb.toml:11: wire.user: SIMPUL_PBB_USER is not set" in refusal()


def test_a_variable_that_no_manifest_names_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    city = write_city(tmp_path / "city", wire={"pangan": {"credential": {"headers": {"app-client-id": "key"}}}})
    monkeypatch.setenv("SIMPUL_CITY", str(city))
    assert "SIMPUL_PANGAN_KEY is not a setting of the hub" in refusal()
    monkeypatch.delenv("SIMPUL_PANGAN_KEY")
    assert "SIMPUL_PANGAN_KEY" not in read().city.variables


def test_a_secret_of_the_hub_is_not_sent_to_an_agency(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wire = {"crm": {"credential": {"headers": {"key": "${SIMPUL_SECRET}"}}}}
    monkeypatch.setenv("SIMPUL_CITY", str(write_city(tmp_path / "city", wire=wire)))
    monkeypatch.delenv("SIMPUL_CRM_KEY")
    assert "SIMPUL_SECRET is a secret of the hub, and a manifest would send it to an agency" in refusal()


def test_values_of_agencies_are_never_shown() -> None:
    shown = f"{read()!r} {read().city.agencies['pbb'].manifest!r} {read().city.agencies['crm'].manifest!r}"
    assert "geheim" not in shown


def signing_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **overrides: str) -> None:
    """Settings for sign-in to the hub's own pages, with changes."""
    path = tmp_path / "issuers.toml"
    path.write_text(
        '[[issuer]]\nname = "warga"\nurl = "https://masuk.example"\naudience = "simpul"\nkinds = ["citizen"]\n'
        '[[issuer]]\nname = "mitra"\nurl = "https://mitra.example"\naudience = "simpul"\nkinds = ["partner"]\n'
        'clients = { bank = { kind = "partner" } }\n'
    )
    usual = {
        "ISSUERS": str(path),
        "SIGN_IN_ISSUER": "warga",
        "SIGN_IN_CLIENT": "pages",
        "SIGN_IN_SECRET": "geheim-7",
        "PUBLIC_URL": "https://simpul.example",
    }
    for name, value in {**usual, **overrides}.items():
        if value:
            monkeypatch.setenv(f"SIMPUL_{name}", value)


def test_people_can_sign_in_to_the_hubs_own_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signing_in(tmp_path, monkeypatch)
    settings = read()
    assert (settings.sign_in_issuer, settings.sign_in_client, settings.sign_in_scopes) == (
        "warga",
        "pages",
        ("openid",),
    )
    assert settings.base_url == "https://simpul.example"
    assert settings.web.allowed_hosts == ("localhost", "127.0.0.1", "[::1]", "simpul.example")
    assert "geheim-7" not in repr(settings)


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ({"SIGN_IN_ISSUER": "nobody"}, "names 'nobody', at which no citizen can sign in"),
        ({"SIGN_IN_ISSUER": "mitra"}, "names 'mitra', at which no citizen can sign in"),
        ({"SIGN_IN_CLIENT": ""}, "by SIMPUL_SIGN_IN_CLIENT, with 'openid' in SIMPUL_SIGN_IN_SCOPES"),
        ({"SIGN_IN_SCOPES": "profile"}, "by SIMPUL_SIGN_IN_CLIENT, with 'openid' in SIMPUL_SIGN_IN_SCOPES"),
        ({"PUBLIC_URL": ""}, "SIMPUL_PUBLIC_URL is not set"),
        ({"PUBLIC_URL": "http://simpul.example"}, "must not travel in plain text"),
        (
            {"SESSION_IDLE": "301", "SESSION_LIFETIME": "300"},
            "SIMPUL_SESSION_IDLE is 301 and SIMPUL_SESSION_LIFETIME is 300",
        ),
    ],
)
def test_pages_without_a_working_sign_in_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: dict[str, str], why: str
) -> None:
    signing_in(tmp_path, monkeypatch, **overrides)
    assert why in refusal()


def test_in_development_the_hub_is_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signing_in(tmp_path, monkeypatch, PUBLIC_URL="", DEVELOPMENT="true", LISTEN="127.0.0.1:8123")
    assert read().base_url == "http://127.0.0.1:8123"


@pytest.mark.parametrize("listen", ["0.0.0.0:8000", "[::]:8000", "192.0.2.7:8000", "[::ffff:192.0.2.7]:8000"])
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"SIMPUL_DEVELOPMENT": "true"}, "which shows them the graph and errors: unset SIMPUL_DEVELOPMENT"),
        ({"SIMPUL_ISSUER_KEYS": "/run/keys.json"}, "and development tokens prove no identity: unset SIMPUL_ISSUER"),
    ],
)
def test_other_machines_cannot_reach_a_development_hub(
    monkeypatch: pytest.MonkeyPatch, listen: str, overrides: dict[str, str], message: str
) -> None:
    monkeypatch.setenv("SIMPUL_LISTEN", listen)
    for name, value in overrides.items():
        monkeypatch.setenv(name, value)
    assert f"SIMPUL_LISTEN lets other machines reach the hub at {listen}, {message}" in refusal()


@pytest.mark.parametrize(
    ("listen", "hosts", "own_url", "believed"),
    [
        ("127.0.0.1:8000", (), "http://127.0.0.1:8000", True),
        ("localhost:8123", (), "http://127.0.0.1:8123", True),
        ("[::1]:8000", (), "http://[::1]:8000", True),
        ("127.0.0.2:8000", ("127.0.0.2",), "http://127.0.0.2:8000", True),
        ("0.0.0.0:8000", (), "http://127.0.0.1:8000", False),
        ("[::]:8000", (), "http://[::1]:8000", False),
        ("192.0.2.7:8000", ("192.0.2.7",), "http://192.0.2.7:8000", False),
        ("[2001:db8::7]:8000", ("[2001:db8::7]",), "http://[2001:db8::7]:8000", False),
    ],
)
def test_the_listen_address_decides_allowed_hosts_and_trusted_proxies(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    listen: str,
    hosts: tuple[str, ...],
    own_url: str,
    believed: bool,
) -> None:
    (tmp_path / "issuers.toml").write_text(
        '[[issuer]]\nname = "warga"\nurl = "https://masuk.example"\naudience = "simpul"\nkinds = ["citizen"]\n'
    )
    monkeypatch.setenv("SIMPUL_ISSUERS", str(tmp_path / "issuers.toml"))
    monkeypatch.setenv("SIMPUL_LISTEN", listen)
    settings = read()
    assert settings.web.allowed_hosts == ("localhost", "127.0.0.1", "[::1]", *hosts)
    assert (settings.base_url, settings.web.trusts_loopback) == (own_url, believed)
