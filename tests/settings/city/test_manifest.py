"""Manifests as files: every problem names its file, its line and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from connectors.declared.http.tables import HttpWire
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import NotDeclarableError
from records.calls.freshness import ReadLifetimes
from settings.city.folder import DEFAULT_CITY, examine_city, load_city
from settings.city.manifest import ManifestFile
from settings.city.problems import ManifestError, find_line
from tests.fakes.city import VARIABLES, build_plain_city, write_city

MANIFEST = '''\
# An agency.
name = { en = "permit office", id = "kantor izin" }
stage = "live"
domain = "msmes"

[wire]
driver = "sql"
url = "${SIMPUL_IZIN_URL}"

[reads.permits]
statement = """
    SELECT id, nik
    FROM izin WHERE id IN :keys"""
key = "id"

[records.Permit]
id = "id"
owner = { from = "nik" }

[probe]
read = "permits"
key = "1"
'''
ADDRESS = {"SIMPUL_IZIN_URL": "postgresql://izin:rahasia@127.0.0.1/izin"}


def write(folder: Path, text: str, name: str = "izin") -> Path:
    path = folder / "agencies" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problem_of(folder: Path, text: str, environment: Mapping[str, str] | None = ADDRESS) -> str:
    with pytest.raises(ManifestError) as refused:
        ManifestFile.load(write(folder, text), environment)
    return str(refused.value).replace(f"{folder}/agencies/", "")


def test_a_manifest_is_read_with_its_reads_and_records(tmp_path: Path) -> None:
    manifest = ManifestFile.load(write(tmp_path, MANIFEST)).manifest
    permits = manifest.reads["permits"]
    assert isinstance(permits, SqlReadTable)
    assert permits.key == "id"
    assert manifest.records["Permit"]["owner"].columns == ("nik",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'key = "id"\n',
            'key = "id"\nkeey = 1\n',
            "izin.toml:15: reads.permits.keey: unknown key; write key, or remove it: [reads.permits] has",
        ),
        (
            '{ from = "nik" }',
            '{ from = "nik", unknown = "x" }',
            "izin.toml:18: records.Permit.owner.unknown: it says what words outside `values` mean; give `values`",
        ),
        ('key = "id"\n', "key = 5\n", "izin.toml:14: reads.permits.key: write a text in quotes"),
        (
            "[records.Permit]",
            '[reads.open]\nstatement = "x"\nkey = "id"\nkeys = "id"\n[records.Permit]',
            "izin.toml:19: reads.open.keys: unknown key; write key, or remove it: [reads.open] has",
        ),
        (
            "[records.Permit]",
            '[reads.open]\nkey = "id"\n[records.Permit]',
            "izin.toml:16: reads.open.statement: this key is missing; write it",
        ),
        (
            '{ from = "nik" }',
            '{ from = "nik", python = "os:system" }',
            "izin.toml:18: records.Permit.owner.python: write a text of the form ^connectors",
        ),
        ('read = "permits"\n', "", "izin.toml:20: probe.read: this key is missing; write it"),
        ("[probe]", "[probe", "izin.toml: not valid TOML: Expected ']'"),
    ],
)
def test_a_mistake_names_its_file_and_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in MANIFEST
    assert problem_of(tmp_path, MANIFEST.replace(old, new)).startswith(problem)


def test_a_mistake_never_shows_the_value(tmp_path: Path) -> None:
    assert "rahasia" not in problem_of(tmp_path, MANIFEST.replace('key = "id"', 'key = ["rahasia"]'))


def test_a_problem_that_the_compiler_finds_gets_its_line(tmp_path: Path) -> None:
    file = ManifestFile.load(write(tmp_path, MANIFEST))
    explained = file.explain(NotDeclarableError("reads.permits.statement", "2 statements; write one"))
    assert str(explained) == f"{file.path}:11: reads.permits.statement: 2 statements; write one"


def test_the_nearest_table_is_named_where_a_key_is_missing() -> None:
    assert find_line(MANIFEST, ["records", "Permit", "name"]) == 16
    assert find_line(MANIFEST, ["nothing"]) == 1


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('stage = "live"', 'stage = "ready"', "3: stage: write one of 'draft', 'agreed', 'assessed', 'shadow',"),
        ('"msmes"', '"museums"', "4: domain: there is no such domain: write one of "),
        ('"sql"', '"odbc"', "7: wire.driver: write one of the drivers: sql, http, xml, ckan, graphql, soap"),
        ('driver = "sql"\n', "", "6: wire.driver: write one of the drivers: sql, http, xml, ckan, graphql, soap"),
        (
            'driver = "sql"\n',
            'driver = "sql"\nheaders = {}\n',
            "8: wire.headers: unknown key; remove it: [wire] has driver, url",
        ),
        (
            'driver = "sql"',
            'driver = "soap"\nversion = "1.3"\nwsdl = "a.wsdl"',
            "8: wire.version: write one of '1.1', '1.2'",
        ),
        (
            'driver = "sql"',
            'driver = "soap"\ncharset = "latin-99"\nwsdl = "a.wsdl"',
            "8: wire.charset: an unknown encoding; write `windows-1252`",
        ),
        ("[probe]", "[terms]\nhedge = true\n[probe]", "21: terms.hedge: the agency is not called by GET; remove"),
        ('[probe]\nread = "permits"\nkey = "1"\n', "", "1: probe: name the read that shows whether the agency answers"),
        (
            "[probe]",
            "[trouble]\ncode = 'x'\n[probe]",
            "20: trouble: the hub knows how this driver reports failures; ",
        ),
        ("[probe]", "[options]\nx = 1\n[probe]", "20: options: they belong to a connector in Python; remove"),
        ('"${SIMPUL_IZIN_URL}"', '"${HOME}"', "8: wire.url: 'HOME' is not a variable of the hub: write ${SIMPUL_NAME}"),
        ('"${SIMPUL_IZIN_URL}"', '"${SIMPUL_IZIN_URL"', "8: wire.url: a '${' without its '}'"),
        ('"${SIMPUL_IZIN_URL}"', '"${file:key}"', "8: wire.url: 'key': name the file from the root: ${file:/path}"),
        ('"${SIMPUL_IZIN_URL}"', '"${file:/none}"', "8: wire.url: the file '/none' cannot be read: No such file"),
        ('"kantor izin"', '"${SIMPUL_NAME}"', "2: name.id: '${' is allowed in the values of wire, options, probe only"),
        ('"sql"', '"${SIMPUL_IZIN_URL}"', "7: wire.driver: '${' is allowed in the values of wire, options, probe"),
    ],
)
def test_what_a_manifest_cannot_be_is_named_with_line_and_fix(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in MANIFEST
    assert problem_of(tmp_path, MANIFEST.replace(old, new)).startswith(f"izin.toml:{problem}")


@pytest.mark.parametrize(
    ("driver", "table", "problem"),
    [
        ('"http"', "faults.absent = '14'", "trouble.faults: only SOAP has faults; remove this table"),
        (
            '"soap"\nwsdl = "a.wsdl"',
            "status.absent = '410'",
            "trouble.status: SOAP reports failures in faults; write trouble.faults",
        ),
    ],
)
def test_result_codes_of_another_driver_are_refused(tmp_path: Path, driver: str, table: str, problem: str) -> None:
    text = MANIFEST[: MANIFEST.index("[reads")].replace('"sql"', driver)
    assert problem in problem_of(tmp_path, f"{text}[trouble]\n{table}\n")


@pytest.mark.parametrize(
    ("driver", "read", "problem"),
    [
        ("http", "", "izin.toml:11: reads.permits: its call has no form, which wire.credential.form needs: write meth"),
        ("xml", "body = { id = 1 }", "izin.toml:11: reads.permits: its call has no form, which wire.credential.form"),
        (
            "http",
            'form = { id = "1" }\npaging = { by = "next", at = "n" }',
            "izin.toml:11: reads.permits: its call has no form, which wire.credential.form needs: write method",
        ),
        (
            "ckan",
            "resource = 'x'",
            "izin.toml:9: wire.credential.form: ckan sends no forms; write wire.credential.head",
        ),
    ],
)
def test_a_form_of_the_credential_that_a_call_would_not_send_is_refused(
    tmp_path: Path, driver: str, read: str, problem: str
) -> None:
    credential = 'url = "${SIMPUL_IZIN_URL}"\ncredential.form = { kunci = "rahasia" }'
    text = MANIFEST.replace('url = "${SIMPUL_IZIN_URL}"', credential).replace('"sql"', f'"{driver}"')
    start, end = text.index("statement ="), text.index('key = "id"\n')
    path = "" if driver == "ckan" else 'path = "izin"\n'
    assert problem_of(tmp_path, f"{text[:start]}{path}{read}\n{text[end:]}").startswith(problem)
    if driver == "http":
        ManifestFile.load(write(tmp_path, f'{text[:start]}{path}method = "POST"\n{text[end:]}'), ADDRESS)


@pytest.mark.parametrize(
    ("driver", "read", "problem"),
    [
        ("http", "", "izin.toml:11: reads.permits: its call has no JSON body, which wire.credential.body needs"),
        ("http", 'body = { kunci = "k" }', "reads.permits.body: 'kunci' is in wire.credential.body; remove it here"),
        ("ckan", "resource = 'x'", "izin.toml:9: wire.credential.body: ckan sends no JSON bodies; write wire.creden"),
    ],
)
def test_a_member_of_the_credential_that_a_call_would_not_send_is_refused(
    tmp_path: Path, driver: str, read: str, problem: str
) -> None:
    credential = 'url = "${SIMPUL_IZIN_URL}"\ncredential.body = { kunci = "rahasia" }'
    text = MANIFEST.replace('url = "${SIMPUL_IZIN_URL}"', credential).replace('"sql"', f'"{driver}"')
    start, end = text.index("statement ="), text.index('key = "id"\n')
    path = "" if driver == "ckan" else 'path = "izin"\n'
    assert problem in problem_of(tmp_path, f"{text[:start]}{path}{read}\n{text[end:]}")
    if driver == "http":
        ManifestFile.load(write(tmp_path, f"{text[:start]}{path}body = {{ id = 1 }}\n{text[end:]}"), ADDRESS)


PYTHON = MANIFEST[: MANIFEST.index("[reads")].replace(
    "[wire]", 'connector = "connectors.complaints:FakeConnector"\n\n[wire]'
)


@pytest.mark.parametrize(
    "connector", ["os:system", "connectors.tax", "connectors.nothing:Tax", "connectors.tax:tax", "x.connectors.tax:Tax"]
)
def test_a_connector_outside_the_hubs_connectors_is_refused(tmp_path: Path, connector: str) -> None:
    ManifestFile.load(write(tmp_path, PYTHON), ADDRESS)
    problem = problem_of(tmp_path, PYTHON.replace("connectors.complaints:FakeConnector", connector))
    assert problem == "izin.toml:6: connector: not a module of the hub's connectors: write connectors.module:Class"


def test_a_connector_in_python_and_declared_reads_exclude_each_other(tmp_path: Path) -> None:
    both = MANIFEST.replace("[wire]", 'connector = "connectors.complaints:FakeConnector"\n\n[wire]')
    start, end = both.index("statement"), both.index("[records")
    with_freshness = both[:start] + 'freshness = { fresh = "5 min" }\n\n' + both[end:]
    assert "izin.toml:13: reads.permits.statement: unknown key; remove it: [reads.permits] has freshness" in problem_of(
        tmp_path, both
    )
    assert problem_of(tmp_path, with_freshness).split("; izin") == [
        "izin.toml:15: records: the connector answers in its place; remove [records]",
        ".toml:19: probe: the connector answers in its place; remove [probe]",
    ]


DEFAULTS = '[defaults]\nid = "nomor"\nkey_type = "number"\n\n'
WITH_DEFAULTS = MANIFEST.replace("[reads.permits]", f"{DEFAULTS}[reads.permits]")


def test_a_read_has_the_defaults_that_it_does_not_replace(tmp_path: Path) -> None:
    text = WITH_DEFAULTS.replace('key = "id"\n', 'key = "id"\nkey_type = "text"\n')
    permits = ManifestFile.load(write(tmp_path, text)).manifest.reads["permits"]
    assert isinstance(permits, SqlReadTable)
    assert (permits.id, permits.key, permits.key_type) == ("nomor", "id", "text")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'id = "nomor"',
            'idd = "nomor"',
            "izin.toml:11: defaults.idd: unknown key; write id, or remove it: [defaults] has filters, ",
        ),
        ('id = "nomor"', "id = 5", "izin.toml:11: defaults.id: write a text in quotes"),
        ('"number"', '"numbr"', "izin.toml:12: defaults.key_type: write one of 'text', 'number'"),
        ('id = "nomor"', 'group = "nomor"', "izin.toml:11: reads.permits.group: "),
    ],
)
def test_a_wrong_default_is_named_once_with_its_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    file = write(tmp_path, WITH_DEFAULTS.replace(old, new))
    if "reads." in problem:
        found = str(ManifestFile.load(file, ADDRESS).locate("reads.permits.group", "")).replace(f"{file.parent}/", "")
    else:
        found = problem_of(tmp_path, WITH_DEFAULTS.replace(old, new))
    assert found.startswith(problem)
    assert found.count("izin.toml") == 1


def test_defaults_are_for_declared_reads(tmp_path: Path) -> None:
    text = PYTHON.replace("[wire]", '[defaults]\nfreshness = { fresh = "5 min" }\n\n[wire]')
    assert problem_of(tmp_path, text) == "izin.toml:8: defaults: they are for declared reads; remove this table"


def test_lifetimes_of_answers_are_those_of_the_read(tmp_path: Path) -> None:
    line = 'freshness = { fresh = "5 min", refreshing = "30 s", on_error = "2 h", absent = "1 min" }'
    manifest = ManifestFile.load(write(tmp_path, MANIFEST.replace('key = "id"\n', f'key = "id"\n{line}\n'))).manifest
    assert manifest.lifetimes == {
        "permits": ReadLifetimes(fresh=300, stale_while_revalidate=30, stale_if_error=7200, unknown_key_seconds=60)
    }
    assert ManifestFile.load(write(tmp_path, MANIFEST)).manifest.lifetimes == {}


@pytest.mark.parametrize(
    ("freshness", "problem"),
    [
        ('{ fresh = "5 minutes" }', "reads.permits.freshness.fresh: not a duration: write a number and s, min, h or d"),
        ("{ fresh = 300 }", "reads.permits.freshness.fresh: not a duration: write a number and s, min, h or d"),
        ('{ on_error = "1 h" }', "reads.permits.freshness.fresh: this key is missing; write it"),
        (
            '{ fresh = "5 min", absent = "1 h" }',
            "reads.permits.freshness: an absent record is cached for 3600 s; it cannot be longer than",
        ),
    ],
)
def test_a_wrong_lifetime_is_named_with_its_line(tmp_path: Path, freshness: str, problem: str) -> None:
    text = MANIFEST.replace('key = "id"\n', f'key = "id"\nfreshness = {freshness}\n')
    assert problem_of(tmp_path, text).startswith(f"izin.toml:15: {problem}")


def test_every_problem_of_a_file_is_reported_together(tmp_path: Path) -> None:
    text = MANIFEST.replace('"live"', '"live"\ncolour = 1').replace('key = "id"', "key = 5")
    assert problem_of(tmp_path, text, {}).count("izin.toml:") == 3
    for expected in (
        "9: wire.url: SIMPUL_IZIN_URL is not set",
        "4: colour: unknown key; remove it: a manifest has commands, connector,",
        "15: reads.permits.key: write a text",
    ):
        assert f"izin.toml:{expected}" in problem_of(tmp_path, text, {})


def test_values_come_from_the_environment_and_from_files_and_are_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("k-1\n")
    text = PYTHON.replace('"sql"', '"http"').replace(
        '"${SIMPUL_IZIN_URL}"',
        f'"https://a/${{SIMPUL_IZIN_URL}}"\ncredential.headers = {{ key = "${{file:{secret}}}" }}',
    )
    wire = ManifestFile.load(write(tmp_path, text), {"SIMPUL_IZIN_URL": "b"}).manifest.wire
    assert isinstance(wire, HttpWire)
    assert (wire.url.get_secret_value(), wire.credential.headers["key"].get_secret_value()) == ("https://a/b", "k-1")
    assert "k-1" not in repr(wire)


def test_an_agency_that_is_not_live_needs_no_values(tmp_path: Path) -> None:
    file = ManifestFile.load(write(tmp_path, MANIFEST.replace('"live"', '"draft"')), {})
    assert not file.manifest.is_live


def test_a_file_name_that_is_no_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"Izin 2\.toml: the file's name is the agency's code"):
        ManifestFile.load(write(tmp_path, MANIFEST, "Izin 2"), ADDRESS)


def test_a_city_reports_the_problems_of_every_file(tmp_path: Path) -> None:
    write(tmp_path, MANIFEST, "a")
    write(tmp_path, "x = 1", "b")
    write(tmp_path, "[", "c")
    (tmp_path / "city.toml").write_text('code = "x"')
    with pytest.raises(ManifestError) as refused:
        load_city(tmp_path)
    found = str(refused.value)
    assert [name for name in ("a.toml", "b.toml", "c.toml", "city.toml") if name in found] == [
        "b.toml",
        "c.toml",
        "city.toml",
    ]


def test_a_folder_without_a_city_is_no_city(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"city\.toml: it cannot be read: No such file or directory"):
        load_city(tmp_path)


def test_agencies_of_one_domain_name_the_regions_that_each_serves(tmp_path: Path) -> None:
    city = write_city(tmp_path / "city")
    agencies = city / "agencies"
    tax = (agencies / "pbb.toml").read_text()
    (agencies / "pajak.toml").write_text(tax)
    assert list_city_problems(city) == [
        ("pajak.toml", "serves", "pbb.toml answers 'tax', too: name the regions that each serves"),
        ("pbb.toml", "serves", "pajak.toml answers 'tax', too: name the regions that each serves"),
    ]
    (agencies / "pajak.toml").write_text('serves = ["31.71", "31.72"]\n' + tax)
    (agencies / "pbb.toml").write_text('serves = ["31.72.01", "31.75"]\n' + tax)
    assert list_city_problems(city) == [
        ("pbb.toml", "serves", "pajak.toml serves region 31.72.01, too, or a part of it")
    ]
    (agencies / "pbb.toml").write_text('serves = ["31.73", "31.75"]\n' + tax)
    assert [each for each in load_city(city).agencies if each in {"pajak", "pbb"}] == ["pajak", "pbb"]
    (agencies / "pbb.toml").write_text('serves = ["Jakarta"]\n' + tax)
    ((file, place, text),) = list_city_problems(city)
    assert (file, place, text.startswith("write a text of the form ")) == ("pbb.toml", "serves.0", True)


def test_an_agency_that_is_not_live_answers_no_domain(tmp_path: Path) -> None:
    city = write_city(tmp_path / "city")
    tax = (city / "agencies" / "pbb.toml").read_text()
    (city / "agencies" / "pajak.toml").write_text(tax.replace('stage = "live"', 'stage = "draft"'))
    found = load_city(city)
    assert ("pajak" in found.manifests, "pajak" in found.agencies) == (True, False)
    (city / "agencies" / "pbb.toml").unlink()
    assert load_city(city).agencies.keys() == build_plain_city().agencies.keys() - {"pbb"}


def test_the_population_register_is_one_agency(tmp_path: Path) -> None:
    city = write_city(tmp_path / "city")
    register = (city / "agencies" / "dukcapil.toml").read_text()
    (city / "agencies" / "siak.toml").write_text('serves = ["31.75"]\n' + register)
    assert list_city_problems(city) == [
        ("siak.toml", "domain", "dukcapil.toml answers it already; 'population' has one live agency")
    ]


def list_city_problems(city: Path) -> list[tuple[str, str, str]]:
    """The file, place and text of each problem."""
    _, problems = examine_city(city)
    return [(each.path.name, each.place, each.text) for each in problems]


def test_the_city_of_the_repository_can_be_loaded() -> None:
    city = load_city(DEFAULT_CITY)
    assert (city.city.code, city.path.name) == ("jakarta", "jakarta")
    assert list(city.agencies) == sorted(each.stem for each in (DEFAULT_CITY / "agencies").iterdir())
    assert {"crm", "dukcapil", "jakpreneur", "pangan", "pbb"} < city.agencies.keys()
    assert city.variables == VARIABLES.keys()
