"""`simpul settings check` reports problems, risks, and the state of the services in the settings."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from cli.settings_check.risks import find_risks
from sandbox.databases.postgres import Postgres
from sandbox.stand_ins.signatures import make_private_key
from settings import Settings
from settings.city.folder import DEFAULT_CITY, find_variables
from tests.cache.valkey import run_valkey
from tests.cli.command_line import ServeProcess, run_simpul
from tests.fakes.city import Tables, build_plain_city, write_city
from tests.sandbox_agencies import HOST, free_port

NOWHERE = "127.0.0.1:9"
PASSWORD = "kLr83Jw0pQz5vTn1"
ISSUERS = """
[[issuer]]
name = "warga"
url = "http://127.0.0.1:9"
audience = "simpul"
kinds = ["citizen", "official", "partner", "agency-system"]
first_party = ["city-app"]
agencies = ["dukcapil"]
[issuer.clients]
bank = { kind = "partner" }
siak = { kind = "agency-system", agency = "dukcapil" }
"""


@pytest.fixture(scope="module")
def files() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "issuers.toml").write_text(ISSUERS)
        DevelopmentIssuer(path / "private.json").write_public_keys(path / "keys.json")
        yield path


def build_good_settings(files: Path, **overrides: str) -> dict[str, str]:
    """Settings without findings, changed by the arguments."""
    return {
        **dict.fromkeys(find_variables(DEFAULT_CITY), "https://agency.example"),
        "SIMPUL_BANSOS_URL": "file:///srv/drops/bansos",
        "SIMPUL_SNAPSHOT_FOLDER": str(files / "snapshots"),
        "SIMPUL_SECRET": base64.b64encode(secrets.token_bytes(32)).decode(),
        "SIMPUL_ISSUERS": str(files / "issuers.toml"),
        "SIMPUL_STATE_URL": f"postgresql://simpul:{PASSWORD}@{NOWHERE}/simpul",
        "SIMPUL_REDIS_URL": "redis://127.0.0.1:9",
        "SIMPUL_PUBLIC_URL": "https://simpul.example",
        "SIMPUL_TRUSTED_PROXIES": "10.0.0.1",
        "SIMPUL_DUKCAPIL_URL": f"postgresql://a:{PASSWORD}@{NOWHERE}/siak",
        "SIMPUL_JAKPRENEUR_URL": f"mysql://a:{PASSWORD}@{NOWHERE}/jakpreneur",
        "SIMPUL_PBB_URL": "https://pbb.example/soap",
        "SIMPUL_PBB_USER": "a",
        "SIMPUL_PBB_PASSWORD": PASSWORD,
        "SIMPUL_CRM_URL": "https://crm.example",
        "SIMPUL_CRM_KEY": PASSWORD,
        "SIMPUL_PANGAN_URL": "https://pangan.example",
        "SIMPUL_PANGAN_KEY": PASSWORD,
        "SIMPUL_PEMBAYARAN_PARTNER": "77001",
        "SIMPUL_PEMBAYARAN_PRIVATE_KEY": str(make_private_key(files)),
    } | overrides


def run_check(
    tmp_path: Path, variables: Mapping[str, str], *options: str
) -> tuple[int, list[tuple[str, str, str]], str]:
    """Exit code, findings as (level, name, value), and the whole output."""
    done = run_simpul(tmp_path, "settings", "check", "--json", *options, **variables)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    return done.returncode, [(each["level"], each["name"], each["value"]) for each in found], done.stdout


def without(variables: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in names}


def test_good_settings_have_no_findings(files: Path, tmp_path: Path) -> None:
    done = run_simpul(tmp_path, "settings", "check", **build_good_settings(files))
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 problems, 0 warnings.\n", "")


def test_every_problem_is_reported_with_name_and_value_and_no_secret(files: Path, tmp_path: Path) -> None:
    variables = build_good_settings(
        files,
        SIMPUL_PBB_ULR="https://x",
        SIMPUL_NONSENSE="1",
        simpul_rates="off",
        SIMPUL_LISTEN="127.0.0.1:99999",
        SIMPUL_SECRET="c2hvcnQ=",
        SIMPUL_PUBLIC_URL="http://simpul.example",
        SIMPUL_SIGN_IN_ISSUER="nobody",
        SIMPUL_STATE_URL="postgresql://a:geheim-geheim@db.example/simpul?ssl=verify-full",
        SIMPUL_JAKPRENEUR_URL="oracle://a:geheim-geheim@h/x",
    )
    code, found, output = run_check(tmp_path, without(variables, "SIMPUL_CRM_KEY", "SIMPUL_PBB_URL"))
    assert code == 1
    assert [(name, value) for level, name, value in found if level == "problem"] == [
        ("SIMPUL_NONSENSE", ""),
        ("SIMPUL_PBB_ULR", ""),
        ("simpul_rates", ""),
        ("SIMPUL_CRM_KEY", "not set"),
        ("SIMPUL_PBB_URL", "not set"),
        ("SIMPUL_LISTEN", "127.0.0.1:99999"),
        ("SIMPUL_SECRET", "not shown"),
        ("SIMPUL_PUBLIC_URL", "http://simpul.example"),
        ("SIMPUL_SIGN_IN_ISSUER", "nobody"),
        ("SIMPUL_SIGN_IN_CLIENT", "not set"),
        ("SIMPUL_STATE_URL", "not shown"),
        ("SIMPUL_JAKPRENEUR_URL", "not shown"),
    ]
    assert "did you mean SIMPUL_PBB_URL?" in output
    assert "did you mean SIMPUL_RATES?" in output
    assert "geheim" not in output
    assert "c2hvcnQ" not in output


def test_a_manifest_with_a_mistake_is_a_problem_of_the_city_with_file_and_line(files: Path, tmp_path: Path) -> None:
    city = tmp_path / "city"
    shutil.copytree(DEFAULT_CITY, city)
    manifest = city / "agencies" / "jakpreneur.toml"
    text = manifest.read_text(encoding="utf-8").replace("WHERE id IN :keys ORDER BY id", "; DROP TABLE umkm")
    manifest.write_text(text, encoding="utf-8")
    tax = city / "agencies" / "pbb.toml"
    tax.write_text(tax.read_text(encoding="utf-8").replace("retries = 1", "retires = 1"), encoding="utf-8")
    done = run_simpul(tmp_path, "settings", "check", **build_good_settings(files, SIMPUL_CITY=str(city)))
    assert (
        f"problem  SIMPUL_CITY ({city}): {tax}:20: terms.retires: unknown key; write retries, or remove it"
        in done.stdout
    )
    line = 1 + text[: text.rindex("statement", 0, text.index("; DROP TABLE"))].count("\n")
    assert done.returncode == 1
    assert f"{manifest}:{line}: reads.msmes.statement: 2 statements; write one" in " ".join(done.stdout.split())


def test_a_service_whose_operation_the_graph_refuses_is_a_warning_with_the_reason(files: Path, tmp_path: Path) -> None:
    city = shutil.copytree(DEFAULT_CITY, tmp_path / "city")
    services = city / "services.toml"
    text = services.read_text(encoding="utf-8").replace("floodGates(first: 10)", "floodGates(first: ten)", 1)
    services.write_text(text, encoding="utf-8")
    done = run_simpul(tmp_path, "settings", "check", **build_good_settings(files, SIMPUL_CITY=str(city)))
    assert done.returncode == 0
    assert (
        "warning  service flood_gates: the graph of these settings does not offer its operation: Int cannot represent"
        " non-integer value: ten" in done.stdout
    )


def test_missing_issuers_are_reported_unless_the_issuers_file_is_invalid(files: Path, tmp_path: Path) -> None:
    done = run_simpul(tmp_path, "settings", "check", **without(build_good_settings(files), "SIMPUL_ISSUERS"))
    assert "problem  SIMPUL_ISSUERS (not set): no caller can be authenticated." in done.stdout
    _, found, output = run_check(tmp_path, build_good_settings(files, SIMPUL_ISSUERS="/none.toml"))
    assert [each for each in found if each[0] == "problem"] == [("problem", "SIMPUL_ISSUERS", "/none.toml")]
    assert "no caller can be" not in output


RISKY = {
    "SIMPUL_TRUSTED_PROXIES": None,
    "SIMPUL_REDIS_URL": "redis://cache.example",
    "SIMPUL_LEDGER": "false",
    "SIMPUL_STATE_URL": f"postgresql://simpul:{PASSWORD}@db.example/simpul?sslmode=disable",
    "SIMPUL_REQUEST_TIMEOUT": "3",
    "SIMPUL_SECRET": base64.b64encode(b"s" * 32).decode(),
    "SIMPUL_CRM_KEY": "rahasia-rahasia-rahasia",
    "SIMPUL_PBB_URL": "http://pbb.example",
    "SIMPUL_TRACES_URL": "http://traces.example/v1/traces",
    "SIMPUL_RATES": "off",
    "SIMPUL_SHED_AFTER": "0",
    "SIMPUL_FAILED_TOKENS": "0",
    "SIMPUL_INTROSPECTION": "on",
    "SIMPUL_CACHE_MEGABYTES": "0",
    "SIMPUL_PUBLIC_URL": None,
}


def find_warnings(variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """The risks of settings: level, name and message."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
    monkeypatch.setattr(os, "environ", {**own, **variables})
    settings = Settings()  # type: ignore[call-arg]  # its values come from the environment
    return [(each.level.value, each.name, each.message) for each in find_risks(settings)]


def test_agencies_without_a_breaker_are_warned_about(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agencies = build_plain_city().agencies.keys() - {"crm", "pbb"}
    terms: Tables = {agency: {"breaker": {}} for agency in agencies}
    city = write_city(tmp_path / "city", terms=terms)
    [(level, name, message)] = find_warnings(build_good_settings(files, SIMPUL_CITY=str(city)), monkeypatch)
    assert (level, name) == ("warning", "SIMPUL_CITY")
    assert message.startswith("crm, pbb without a breaker")


def test_a_risky_value_in_a_manifest_is_named_by_file_and_line(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = write_city(tmp_path / "city", wire={"crm": {"url": "http://crm.example"}})
    variables = without(build_good_settings(files, SIMPUL_CITY=str(city)), "SIMPUL_CRM_URL")
    [(_, name, message)] = find_warnings(variables, monkeypatch)
    line = (city / "agencies" / "crm.toml").read_text().splitlines().index('url = "http://crm.example"') + 1
    risk = "data and the credential travel in plain text between machines: use https"
    assert (name, message) == ("SIMPUL_CITY", f"{city}/agencies/crm.toml:{line}: wire.url: {risk}")


def test_a_credential_that_expires_within_30_days_is_warned_about(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(days: int) -> list[str]:
        day = datetime.now(UTC).date() + timedelta(days=days)
        city = write_city(tmp_path / f"city{days}", wire={"crm": {"credential": {"expires_on": day}}})
        variables = without(build_good_settings(files, SIMPUL_CITY=str(city)), "SIMPUL_CRM_KEY")
        return [message.partition("crm.toml:")[2] for _, _, message in find_warnings(variables, monkeypatch)]

    assert find(32) == []
    [soon] = find(11)
    [over] = find(0)
    assert soon.endswith(": wire.credential.expires_on: it expires in 10 days: renew it")
    assert over.endswith(": wire.credential.expires_on: it has expired, and the agency refuses it: renew it")


def test_a_weak_credential_is_named_by_its_own_variable_also_beside_others(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = '{ X-Other = "${SIMPUL_PANGAN_KEY}", X-Plain = "rahasia", X-Api-Key = "${SIMPUL_CRM_KEY}" }'
    city = tmp_path / "city"
    shutil.copytree(DEFAULT_CITY, city)
    path = city / "agencies" / "crm.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('{ X-Api-Key = "${SIMPUL_CRM_KEY}" }', headers), encoding="utf-8")
    variables = build_good_settings(files, SIMPUL_CITY=str(city), SIMPUL_CRM_KEY="contoh")
    assert [name for _, name, _ in find_warnings(variables, monkeypatch)] == ["SIMPUL_CITY", "SIMPUL_CRM_KEY"]


@pytest.mark.parametrize("name", RISKY)
def test_legal_but_risky_settings_are_warned_about_by_name(
    name: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = RISKY[name]
    variables = (
        without(build_good_settings(files), name) if value is None else build_good_settings(files, **{name: value})
    )
    assert [(level, each) for level, each, _ in find_warnings(variables, monkeypatch)] == [("warning", name)]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("SIMPUL_STATE_URL", f"postgresql://simpul:{PASSWORD}@db.example/simpul"),
        ("SIMPUL_DUKCAPIL_URL", f"postgresql://a:{PASSWORD}@db.example/siak"),
        ("SIMPUL_JAKPRENEUR_URL", f"mysql://a:{PASSWORD}@db.example/jakpreneur"),
    ],
)
def test_a_remote_database_without_server_verification_is_warned_about(
    name: str, url: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = {
        query: [
            (each, message.partition(" (")[0])
            for _, each, message in find_warnings(build_good_settings(files, **{name: f"{url}{query}"}), monkeypatch)
        ]
        for query in ("", "?sslmode=verify-full", "?sslmode=verify-ca", "?sslmode=require", "?sslmode=disable")
    }
    weak = "sslmode={} does not verify the server: write sslmode=verify-full"
    assert messages == {
        "": [],
        "?sslmode=verify-full": [],
        "?sslmode=verify-ca": [(name, weak.format("verify-ca"))],
        "?sslmode=require": [(name, weak.format("require"))],
        "?sslmode=disable": [(name, "data travels in plain text between machines: write sslmode=verify-full")],
    }


@pytest.mark.parametrize("name", ["SIMPUL_STATE_URL", "SIMPUL_DUKCAPIL_URL", "SIMPUL_JAKPRENEUR_URL"])
def test_unsupported_tls_parameters_are_a_problem_of_their_setting(name: str, files: Path, tmp_path: Path) -> None:
    scheme = "mysql" if "JAKPRENEUR" in name else "postgresql"
    url = f"{scheme}://a:{PASSWORD}@db.example/x?sslmode=verify-full&sslrootcert=/none.pem"
    code, found, output = run_check(tmp_path, build_good_settings(files, **{name: url}))
    assert (code, found) == (1, [("problem", name, "not shown")])
    assert "sslrootcert cannot be read (No such file or directory). Name a PEM file" in output


def test_a_reachable_hub_without_a_proxy_is_warned_about(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = build_good_settings(files, SIMPUL_LISTEN="[::]:8000")
    assert find_warnings(variables, monkeypatch) == []
    found = find_warnings(without(variables, "SIMPUL_TRUSTED_PROXIES"), monkeypatch)
    assert [name for _, name, _ in found] == ["SIMPUL_TRUSTED_PROXIES", "SIMPUL_LISTEN"]
    assert "may travel in plain text" in found[1][2]


def test_a_reachable_development_hub_is_named_with_its_address(files: Path, tmp_path: Path) -> None:
    code, found, output = run_check(
        tmp_path, build_good_settings(files, SIMPUL_LISTEN="0.0.0.0:8000", SIMPUL_DEVELOPMENT="true")
    )
    assert (code, found[:1]) == (1, [("problem", "SIMPUL_LISTEN", "0.0.0.0:8000")])
    assert "lets other machines reach the hub at 0.0.0.0:8000, which shows them the graph and errors" in output


def test_trusting_every_proxy_is_a_warning(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_warnings(build_good_settings(files, SIMPUL_TRUSTED_PROXIES="10.0.0.0/8 ::/0"), monkeypatch)
    assert [name for _, name, _ in found] == ["SIMPUL_TRUSTED_PROXIES"]


def test_a_warning_does_not_fail(files: Path, tmp_path: Path) -> None:
    done = run_simpul(tmp_path, "settings", "check", **build_good_settings(files, SIMPUL_LEDGER="false"))
    assert done.returncode == 0
    assert done.stdout.startswith("warning  SIMPUL_LEDGER (false): people cannot see who read their data")
    assert done.stdout.endswith("0 problems, 1 warning.\n")


def test_leftover_former_secrets_and_the_current_one_among_them_are_reported(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = base64.b64encode(secrets.token_bytes(32)).decode()
    [(_, name, message)] = find_warnings(build_good_settings(files, SIMPUL_FORMER_SECRETS=former), monkeypatch)
    assert (name, message) == (
        "SIMPUL_FORMER_SECRETS",
        "it only opens cached answers, which expire after 3 days, and snapshots until their next load: unset it then",
    )
    [(_, _, message)] = find_warnings(
        build_good_settings(files, SIMPUL_FORMER_SECRETS=former, SIMPUL_SECRET=former), monkeypatch
    )
    assert message == "it holds the current secret: remove it"


def test_development_mode_and_its_tokens_are_warned_about(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = build_good_settings(files, SIMPUL_ISSUER_KEYS=str(files / "keys.json"), SIMPUL_DEVELOPMENT="true")
    assert [name for _, name, _ in find_warnings(variables, monkeypatch)] == ["SIMPUL_DEVELOPMENT"]


def test_unbound_issuers_and_the_development_issuer_are_problems(files: Path, tmp_path: Path) -> None:
    path = tmp_path / "issuers.toml"
    path.write_text(ISSUERS.partition("agencies")[0])
    keys = str(files / "keys.json")
    done = run_simpul(
        tmp_path, "settings", "check", **build_good_settings(files, SIMPUL_ISSUERS=str(path), SIMPUL_ISSUER_KEYS=keys)
    )
    problems = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert (done.returncode, len(problems)) == (1, 4)
    assert "SIMPUL_ISSUER_KEYS" in problems[0]
    assert "the private key of the development issuer can sign a token for any caller" in problems[0]
    assert all("the issuer 'warga' is not bound: " in each for each in problems[1:])


def test_an_unusable_key_file_is_a_problem(files: Path, tmp_path: Path) -> None:
    code, found, _ = run_check(
        tmp_path, build_good_settings(files, SIMPUL_ISSUER_KEYS=str(files / "none.json"), SIMPUL_DEVELOPMENT="1")
    )
    assert (code, found[0]) == (1, ("problem", "SIMPUL_ISSUER_KEYS", str(files / "none.json")))


def test_a_file_is_parsed_like_systemd_and_replaces_the_environment(files: Path, tmp_path: Path) -> None:
    path = tmp_path / "simpul.env"
    variables = build_good_settings(files, SIMPUL_CRM_KEY='"$HOME \\"x\\" zW8"', SIMPUL_PBB_PASSWORD="'a b#c; qY7mK2x'")
    path.write_text("# the hub\n" + "".join(f"{name}={value}\n" for name, value in variables.items()))
    path.chmod(0o640)
    done = run_simpul(tmp_path, "settings", "check", "--settings", str(path), SIMPUL_NONSENSE="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 problems, 0 warnings.\n", "")
    path.chmod(0o644)
    done = run_simpul(tmp_path, "settings", "check", "--settings", str(path))
    assert f"warning  {path} (0644): other users may read or change its secrets" in done.stdout


def test_a_missing_and_a_malformed_file_have_different_messages(tmp_path: Path) -> None:
    assert run_simpul(tmp_path, "settings", "check", "--settings", str(tmp_path / "none")).returncode == 2
    path = tmp_path / "simpul.env"
    path.write_text("export SIMPUL_LISTEN=1\n")
    done = run_simpul(tmp_path, "settings", "check", "--settings", str(path))
    assert done.returncode == 1
    assert f"{path}, line 1: " in done.stderr


def test_all_settings_are_listed_with_secrets_masked(files: Path, tmp_path: Path) -> None:
    done = run_simpul(tmp_path, "settings", "list", **build_good_settings(files, SIMPUL_LISTEN="127.0.0.1:8099"))
    lines = done.stdout.splitlines()
    assert "SIMPUL_LISTEN=127.0.0.1:8099" in lines
    assert "SIMPUL_LEDGER=true  (default)" in lines
    assert "SIMPUL_SECRET=not shown" in lines
    assert "SIMPUL_ISSUERS=warga" in lines
    assert PASSWORD not in done.stdout


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """An empty database that loses nothing in a power cut, without a hub's tables."""
    with TemporaryDirectory() as folder:
        logins = {"simpul": PASSWORD}
        postgres = Postgres(Path(folder), port=free_port(), database="simpul", logins=logins, settings={})
        postgres.start()
        try:
            yield f"postgresql://simpul:{PASSWORD}@{HOST}:{postgres.port}/simpul"
        finally:
            postgres.stop()


def test_the_database_redis_issuers_and_agencies_are_checked(files: Path, database_url: str, tmp_path: Path) -> None:
    with run_valkey(tmp_path) as valkey:
        variables = build_good_settings(
            files, SIMPUL_STATE_URL=database_url, SIMPUL_REDIS_URL=valkey.url, SIMPUL_AGENCY_TIMEOUT="1"
        )
        code, found, output = run_check(tmp_path, variables, "--connect")
    assert code == 0, output
    assert "it is empty: the first start creates its tables" in output
    assert "commits wait for no standby" in output
    assert "maxmemory is 0" in output
    names = {name for _, name, _ in found}
    assert names >= {"PostgreSQL", "Redis", "issuer warga", "dukcapil", "jakpreneur", "pbb", "crm", "pangan"}
    assert ("warning", "dukcapil", "PostgreSQL") in found
    assert "clock" not in names


def test_an_unreachable_database_is_a_problem_and_an_unreachable_redis_a_warning(files: Path, tmp_path: Path) -> None:
    nowhere = f"postgresql://simpul:{PASSWORD}@{HOST}:{free_port()}/simpul"
    code, found, output = run_check(
        tmp_path, build_good_settings(files, SIMPUL_STATE_URL=nowhere, SIMPUL_AGENCY_TIMEOUT="1"), "--connect"
    )
    assert code == 1
    assert ("problem", "SIMPUL_STATE_URL", "not shown") in found
    assert ("warning", "SIMPUL_REDIS_URL", "not shown") in found
    assert PASSWORD not in output


def test_without_any_setting_those_of_the_running_sandbox_are_checked(serve_process: ServeProcess) -> None:
    checked = run_simpul(serve_process.state, "settings", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert re.search(
        r"\n0 problems, \d+ warnings?\. These are the settings of the running sandbox\.\n\Z", checked.stdout
    )
    listed = run_simpul(serve_process.state, "settings", "list").stdout
    assert "SIMPUL_DEVELOPMENT=true\n" in listed
    assert "SIMPUL_SECRET=not shown\n" in listed


def test_with_one_setting_the_running_sandbox_fills_no_gap(serve_process: ServeProcess) -> None:
    checked = run_simpul(serve_process.state, "settings", "check", SIMPUL_WORKERS="2")
    assert checked.returncode == 1
    assert "problem  SIMPUL_SECRET" in checked.stdout
    assert "sandbox" not in checked.stdout.splitlines()[-1]


def test_without_a_running_sandbox_missing_settings_are_problems(seeded_state: Path) -> None:
    checked = run_simpul(seeded_state, "settings", "check")
    assert checked.returncode == 1
    assert "problem  SIMPUL_SECRET" in checked.stdout


def test_statements_of_manifests_are_planned_by_their_databases(files: Path, tmp_path: Path) -> None:
    path = tmp_path / "umkm.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE umkm (id INTEGER PRIMARY KEY, nik)")
    variables = build_good_settings(files, SIMPUL_JAKPRENEUR_URL=f"sqlite:///{path}")
    done = run_simpul(tmp_path, "settings", "check", "--explain", **variables)
    assert done.returncode == 1
    place = "jakpreneur.toml:[0-9]+: records.Msme.address: "
    assert re.search(f"{place}the database has no column 'alamat' for reads.msmes_of.statement", done.stdout)
    assert re.search("jakpreneur.toml:[0-9]+: reads.products_of.statement: the database refuses it", done.stdout)
    assert "SIMPUL_DUKCAPIL_URL (not shown): its statements cannot be planned: AGENCY_UNAVAILABLE" in done.stdout
    assert PASSWORD not in done.stdout
