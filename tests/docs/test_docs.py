"""The documentation is complete and names nothing that does not exist."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from graphql import GraphQLScalarType, OperationType, build_schema, is_specified_scalar_type, parse, validate
from pydantic import BaseModel

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.oidc.page_session import SessionLimits
from auth.oidc.sign_in import SIGN_IN_TIMEOUT as AWAY
from auth.policy.data_contracts import Assessment, DataContract
from auth.policy.rules import DenialReason
from auth.tokens.caller_claims import build_caller
from auth.tokens.issuer_keys import MIN_REFRESH_INTERVAL, REFRESH_INTERVAL
from auth.tokens.issuers import Issuer, load_issuers
from auth.tokens.key_sets import MAX_KEY_SET_BYTES, MAX_KEYS
from auth.tokens.token_parser import MAX_TOKEN_LENGTH
from auth.tokens.token_verifier import LEEWAY
from auth.tokens.verified_token_cache import LIFETIME_SECONDS
from cache.limits.redis_counters import RETRY_DELAY
from cache.redis_server import DEFAULT_TIMEOUT
from cli.main import build_app
from connectors.declared.connector import ProbeTable
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.field_readers import NAMED_READERS
from connectors.declared.files.tables import TrailerSumTable, TrailerTable
from connectors.declared.open311.tables import ExtensionTable
from connectors.declared.snapshot.tables import SnapshotReadTable, SnapshotTable
from connectors.declared.tables import FieldTable, TroubleTable
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry, ClosedEntry
from engine.cost_budgets import CostBudget
from engine.document.limits import Limits
from engine.errors import SafeError
from engine.request import GraphQLRequest, GraphQLResponse
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.hub.data_requests import DataRequestRefusal
from records.purposes import CitizenScope, Purpose
from sandbox.agency import AGENCIES
from sandbox.dukcapil.register import BIODATA_COLUMNS, KELUARGA_COLUMNS
from sandbox.jakpreneur.enterprises import MARIADB_SCHEMA
from settings import COMMAND_LINE_VARIABLES, Settings
from settings.city.folder import CityTable
from settings.city.key_tables import list_marked, render_files
from settings.city.manifest import AgencyManifest, ManifestFile
from settings.city.office_calendar import OfficeTable
from settings.city.service_level_tables import CategoryLevelTable, ComplaintLevelsTable
from store.retention.retention_rules import list_retention_rules
from telemetry.metrics.families import FAMILIES, MetricFamily
from tests.docs.pages import ROOT, Block, find_blocks, find_pages, page_name, read_pages
from tests.fakes.city import VARIABLES
from web.application import build_web_application
from web.endpoints.health import Readiness
from web.endpoints.metrics import PATH as METRICS_PATH
from web.http_errors import HttpErrorCode
from web.middleware.entity_tags import EntityTags
from web.pages.complaints.follow_up_pages import COMPLAINT_PATH, FOLLOW_UP_PATHS
from web.pages.complaints.new_complaint_page import NEW_COMPLAINT_PATH, RECEIPT_PATH
from web.pages.consent_pages import CONSENT_PATH, CONSENTS_PATH, REVOKE_PATH
from web.pages.home_page import SIGN_IN_PATH
from web.pages.my_data.data_request_pages import NEW_REQUEST_PATH, REQUEST_FORM_PATH, REQUESTS_PATH, WITHDRAW_PATH
from web.pages.my_data.export_page import EXPORT_PATH
from web.pages.my_data.overview_page import MY_DATA_PATH
from web.pages.my_data.reads_page import READS_PATH
from web.pages.page_renderer import HOME_PATH
from web.pages.sign_in_pages import CALLBACK_PATH, SIGN_OUT_PATH, SIGNED_OUT_PATH
from web.pages.status_page import PATH as STATUS
from web.rate_limits.rate_table import parse_rates
from web.settings import Exposure, WebSettings
from web.web_parts import WebParts
from wiring.schema_tools import build_access_page

SETTINGS = read_pages("docs/operators/settings.md")
METRICS = read_pages("docs/operators/metrics.md")
ISSUERS = read_pages("docs/operators/issuers.md")
AGENCY_TERMS = read_pages("docs/operators/agency-terms.md")
SERVICE_LEVELS = read_pages("docs/operators/service-levels.md")
MANIFESTS = read_pages(
    *(f"docs/agencies/{each}.md" for each in ("graphql", "gtfs", "manifests", "open311", "snapshots"))
)
MANIFEST_TABLES: tuple[type[BaseModel], ...] = (
    AgencyManifest,
    CityTable,
    OfficeTable,
    ComplaintLevelsTable,
    CategoryLevelTable,
    FieldTable,
    SnapshotReadTable,
    SnapshotTable,
    TrailerSumTable,
    TrailerTable,
    ProbeTable,
    TroubleTable,
    ExtensionTable,
    AgencyTerms,
    BreakerEntry,
    ClosedEntry,
    DataContract,
    Assessment,
)
CONTRACTS = read_pages("docs/operators/data-contracts.md")
COMMANDS = read_pages("docs/operators/commands.md")
FRONTEND = read_pages("docs/frontend/README.md")
ERRORS = read_pages("docs/frontend/errors.md")
WHY_REFUSED = ERRORS.partition("## Why a field is refused")[2].partition("\n## ")[0]
READING = read_pages("docs/frontend/queries.md")
RIGHTS = read_pages("docs/frontend/data-subject-rights.md")
SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
LAYERS = (
    "auth|benchmarks|cache|cli|connectors|data|deploy|docs|engine|records|resolvers|sandbox|schema|scripts|services"
    "|settings|store|telemetry|tests|web|wiring|workers"
)
HEALTH = ("/health/live", "/health/ready")
QUERY = SCHEMA.get_root_type(OperationType.QUERY)
MUTATION = SCHEMA.get_root_type(OperationType.MUTATION)


def format_default(default: Any) -> str:  # noqa: ANN401 - any setting's
    """A default as the table of settings writes it."""
    match default:
        case None | ():
            return "not set"
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}`"
        case tuple():
            return f"`{' '.join(default)}`"
        case Path():
            return f"`{default.relative_to(ROOT)}`"
        case _:
            return f"`{default}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_in_the_table_with_its_default_and_meaning(name: str) -> None:
    field = Settings.model_fields[name]
    default = "required" if field.is_required() else format_default(field.default)
    assert f"| `SIMPUL_{name.upper()}` | {default} | {field.description} |" in SETTINGS


def test_the_table_of_settings_has_no_unknown_setting() -> None:
    known = {f"SIMPUL_{name.upper()}" for name in Settings.model_fields} | COMMAND_LINE_VARIABLES
    assert set(re.findall(r"^\| `(SIMPUL_\w+)`", SETTINGS, re.MULTILINE)) == known


def test_the_example_file_of_issuers_is_valid(tmp_path: Path) -> None:
    example, _ = (block for block in find_blocks("toml") if block.page == "docs/operators/issuers.md")
    (tmp_path / "issuers.toml").write_text(example.text)
    assert [each.name for each in load_issuers(tmp_path / "issuers.toml")] == ["warga", "mitra"]


def test_the_example_entry_for_keycloak_reads_the_example_token(tmp_path: Path) -> None:
    _, example = (block for block in find_blocks("toml") if block.page == "docs/operators/issuers.md")
    [token] = [block for block in find_blocks("json") if block.page == "docs/operators/issuers.md"]
    (tmp_path / "issuers.toml").write_text(example.text)
    [keycloak] = load_issuers(tmp_path / "issuers.toml")
    claims = json.loads(token.text)
    caller = build_caller(claims, keycloak)
    assert (claims["iss"], keycloak.audience) == (keycloak.url, ("simpul",))
    assert (caller.kind, caller.agency, caller.role, caller.client, caller.assurance) == (
        CallerKind.OFFICIAL,
        "dukcapil",
        "registrar",
        "keycloak/loket",
        Assurance.SUBSTANTIAL,
    )
    own = {"sub": "5d1e", "azp": "siak", "realm_access": {"roles": ["sistem"]}}
    assert (build_caller(own, keycloak).kind, build_caller(own, keycloak).agency) == (
        CallerKind.AGENCY_SYSTEM,
        "dukcapil",
    )


def test_the_example_of_agency_terms_is_read_as_it_stands() -> None:
    [example] = [block for block in find_blocks("toml") if block.page == "docs/operators/agency-terms.md"]
    terms = AgencyTerms.model_validate(tomllib.loads(example.text)["terms"])
    assert (terms.breaker is not None, len(terms.closed)) == (True, 2)


def test_the_example_of_a_manifest_is_read_as_it_stands(tmp_path: Path) -> None:
    example = next(block for block in find_blocks("toml") if block.page == "docs/agencies/manifests.md")
    path = tmp_path / "jakpreneur.toml"
    path.write_text(example.text)
    assert ManifestFile.load(path, VARIABLES).manifest.domain == "msmes"


def test_the_example_of_an_open311_server_is_read_as_it_stands(tmp_path: Path) -> None:
    [example] = [block for block in find_blocks("toml") if block.page == "docs/agencies/open311.md"]
    path = tmp_path / "contoh.toml"
    path.write_text(example.text)
    assert ManifestFile.load(path, {}).manifest.wire.driver == "open311"


def test_the_schemas_and_the_tables_of_keys_are_those_of_the_code() -> None:
    changed = [
        str(path.relative_to(ROOT))
        for path, text in render_files(ROOT).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert changed == [], "run `simpul agencies schema`, and read the difference"


@pytest.mark.parametrize(
    "table",
    [*MANIFEST_TABLES, *(each for family in DRIVER_FAMILIES.values() for each in family.list_tables())],
    ids=lambda table: table.__name__,
)
def test_every_table_of_a_manifest_has_a_table_of_its_keys(table: type[BaseModel]) -> None:
    assert f"{table.__module__}:{table.__name__}" in list_marked(MANIFESTS + AGENCY_TERMS + CONTRACTS + SERVICE_LEVELS)
    undescribed = [name for name, field in table.model_fields.items() if not field.description]
    assert undescribed in ([], ["driver"])


def test_the_readers_that_a_manifest_can_name_are_described() -> None:
    described = FieldTable.model_fields["read"].description or ""
    assert [name for name in NAMED_READERS if f"`{name}`" not in described] == []


def test_the_example_of_data_contracts_is_read_as_it_stands() -> None:
    [example] = [block for block in find_blocks("toml") if block.page == "docs/operators/data-contracts.md"]
    contract = DataContract.model_validate(tomllib.loads(example.text)["contract"])
    assert contract.assessment.id == "DPIA-2026-002"


@pytest.mark.parametrize("name", Issuer.model_fields)
def test_a_member_of_an_issuers_entry_is_described(name: str) -> None:
    assert f"\n| `{name}` | " in ISSUERS


def test_the_documented_lifetime_of_issuer_keys_is_right() -> None:
    page = " ".join(ISSUERS.split())
    assert f"every {REFRESH_INTERVAL / 60:.0f} minutes" in page
    assert f"at most every {MIN_REFRESH_INTERVAL:.0f} s" in page
    assert f"counts for {(REFRESH_INTERVAL + LIFETIME_SECONDS) / 60:.0f} minutes at most" in page
    assert f"`Retry-After: {MIN_REFRESH_INTERVAL:.0f}`" in page
    assert f"may differ by {LEEWAY} s" in page
    assert f"{MAX_KEY_SET_BYTES // 1024} KiB and {MAX_KEYS} keys" in page
    assert f"at most {MAX_TOKEN_LENGTH:,} characters" in page


def test_the_documented_built_in_rates_are_right() -> None:
    page = read_pages("docs/operators/limits.md")
    for kind, rates in parse_rates(()).items():
        assert f"| `{kind.value}` | {rates.requests.amount} | {rates.points.amount} |" in page
        assert (rates.requests.seconds, rates.points.seconds) == (60.0, 60.0)
    assert f"does not answer within `SIMPUL_REDIS_TIMEOUT` ({DEFAULT_TIMEOUT:g} s)" in page
    assert RETRY_DELAY == 1.0
    assert f"`SIMPUL_FAILED_TOKENS` a minute ({Settings.model_fields['failed_tokens'].default})" in page


def test_the_table_of_retention_has_every_rule_with_its_days() -> None:
    rows = re.findall(r"^\| `([a-z-]+)`: .*? \| (\d+)\b", read_pages("docs/operators/retention.md"), re.MULTILINE)
    assert rows == [(each.name, str(each.days)) for each in list_retention_rules()]


def test_the_documented_fixed_limits_are_right() -> None:
    web, document = WebSettings(), Limits()
    for sentence in (
        f"{web.max_header_bytes // 1024} KiB (431)",
        f"| time for a request's header | {web.header_timeout:g} s",
        f"| time for a request's body | {web.body_timeout:g} s",
        f"| time for a client to read its answer | {web.write_timeout:g} s",
        f"| idle connection | {web.keep_alive_timeout} s",
        f"| connections at a time | {web.max_connections:,} (503)",
        ", ".join(f"`{host}`" for host in web.allowed_hosts),
        f"{document.tokens:,} tokens",
        f"{document.values // 1_000_000} million values",
        f"{document.introspection} objects a type about the schema",
    ):
        assert sentence in SETTINGS


def test_limits_of_an_operation_are_documented_for_callers() -> None:
    limits = Limits()
    for sentence in (
        f"{limits.tokens:,} tokens",
        f"{limits.depth} fields deep",
        f"{limits.fields:,} fields in all",
        f"{limits.breadth} of one object",
        f"{limits.aliases} names for one field",
        f"{limits.list_items:,} values in the lists of arguments",
        f"{limits.calls} calls to one agency",
        f"{limits.objects:,} objects",
        f"{limits.values // 1_000_000} million values",
    ):
        assert sentence in " ".join(FRONTEND.split())


def find_subclasses(parent: type[Any]) -> Iterator[type[Any]]:
    """A class and all its subclasses."""
    yield parent
    for child in parent.__subclasses__():
        yield from find_subclasses(child)


def find_written_codes(path: Path) -> Iterator[str]:
    """The codes in a module: passed to `build_request_error`, under the key "code", or assigned to `code`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found: list[ast.expr | None] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "build_request_error":
            found = list(node.args[1:2])
        elif isinstance(node, ast.Dict):
            found = [
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and key.value == "code"
            ]
        elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "code" for target in node.targets):
            found = [node.value]
        for value in found:
            for inner in ast.walk(value) if value is not None else ():
                if isinstance(inner, ast.Constant) and re.fullmatch(r"[A-Z][A-Z_]+", str(inner.value)):
                    yield str(inner.value)


def find_codes() -> set[str]:
    """Every `extensions.code` that a caller can get."""
    modules = [path for layer in ("engine", "schema", "web", "auth") for path in (ROOT / layer).rglob("*.py")]
    written = {code for path in modules for code in find_written_codes(path)}
    raised = {str(each.code) for parent in (AgencyFailure, SafeError) for each in find_subclasses(parent)}
    return written | raised | {code.value for code in HttpErrorCode}


def test_codes_are_found_in_the_code() -> None:
    assert find_codes() >= {
        "FORBIDDEN",
        "AGENCY_TIMEOUT",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "INTERNAL",
    }


def test_the_tables_of_errors_have_exactly_the_codes_of_the_hub() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", ERRORS.replace(WHY_REFUSED, ""), re.MULTILINE)) == find_codes()


def test_the_table_of_reasons_has_exactly_the_reasons_of_the_hub() -> None:
    assert re.findall(r"^\| `([A-Z_]+)` \|", WHY_REFUSED, re.MULTILINE) == [refusal.name for refusal in DenialReason]


def test_the_page_who_sees_what_is_up_to_date() -> None:
    assert read_pages("docs/frontend/field-access.md").strip() == build_access_page().strip(), "`simpul schema write`"


@pytest.mark.parametrize("purpose", Purpose)
def test_a_purpose_is_described_to_operators(purpose: Purpose) -> None:
    assert f"| `{purpose.name}` | {purpose.description} |" in SETTINGS


@pytest.mark.parametrize("code", HttpErrorCode)
def test_an_http_error_has_its_status(code: HttpErrorCode) -> None:
    assert f"| `{code.value}` | {code.status} |" in ERRORS


def find_commands(group: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - typer has its own copy of click
    """Every command, without its arguments."""
    inner = getattr(group, "commands", {})
    if not inner or getattr(group, "invoke_without_command", False):
        yield name
    for each, command in inner.items():
        yield from find_commands(command, f"{name} {each}")


COMMAND_LINE = sorted(find_commands(typer.main.get_command(build_app()), "simpul"))


@pytest.mark.parametrize("command", COMMAND_LINE)
def test_a_command_is_described(command: str) -> None:
    assert re.search(rf"^\| `{re.escape(command)}( [^`]*)?` \| \S", COMMANDS, re.MULTILINE)


def test_every_described_command_exists() -> None:
    for line in re.findall(r"^\| `(simpul [^`]+)` \|", COMMANDS, re.MULTILINE):
        words = [word for word in line.split() if word.islower() and not word.startswith("-")]
        assert any(" ".join(words[:length]) in COMMAND_LINE for length in range(len(words), 1, -1)), line


def test_exactly_the_make_targets_are_described() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(re.findall(r"^\| `make ([a-z-]+)` \| \S", COMMANDS, re.MULTILINE)) == targets


@pytest.mark.parametrize("agency", AGENCIES)
def test_an_agency_has_its_interface_document_in_the_index(agency: str) -> None:
    assert (ROOT / "docs" / "agencies" / f"{agency}.md").exists()
    assert f"| `{agency}` |" in read_pages("docs/agencies/README.md")
    assert f"[{agency}.md]({agency}.md)" in read_pages("docs/agencies/README.md")
    assert f"`{agency}`" in read_pages("docs/operators/README.md")


def test_every_column_of_the_agencies_databases_is_described() -> None:
    documented = set(re.findall(r"`(\w+)`", read_pages("docs/agencies/dukcapil.md")))
    assert documented >= {*BIODATA_COLUMNS, *KELUARGA_COLUMNS}
    columns = set(re.findall(r"^        (\w+) ", "\n".join(MARIADB_SCHEMA), re.MULTILINE))
    assert len(columns) > 10
    assert set(re.findall(r"`(\w+)`", read_pages("docs/agencies/jakpreneur.md"))) >= columns


def test_every_address_of_the_hub_is_described() -> None:
    async def execute(
        request: GraphQLRequest, caller: Caller, call: Call, budget: CostBudget | None
    ) -> GraphQLResponse:
        raise NotImplementedError((request, caller, call))

    async def ready() -> Readiness:
        raise NotImplementedError

    application = build_web_application(
        WebParts(
            execute=execute,
            authenticate=lambda _authorization, _certificate: ANONYMOUS,
            ready=ready,
            settings=WebSettings(graphiql=Exposure.ON),
            entity_tags=EntityTags(b"s" * 32),
        )
    )
    text = read_pages("docs/operators/README.md", "docs/frontend/README.md")
    assert {path for path in application.paths if not path.startswith("/graphiql/")} == {
        "/graphql",
        "/graphiql",
        *HEALTH,
    }
    for path in ("/graphql", "/graphiql", *HEALTH):
        assert f"{path}`" in text


def test_every_page_for_people_is_described() -> None:
    pages = read_pages("docs/frontend/pages.md")
    for path in (
        *(HOME_PATH, SIGN_IN_PATH, MY_DATA_PATH, CONSENT_PATH, CONSENTS_PATH, REVOKE_PATH),
        *(CALLBACK_PATH, SIGN_OUT_PATH, SIGNED_OUT_PATH),
        *(NEW_COMPLAINT_PATH, RECEIPT_PATH, COMPLAINT_PATH, *FOLLOW_UP_PATHS),
        *(READS_PATH, REQUESTS_PATH, NEW_REQUEST_PATH, REQUEST_FORM_PATH, WITHDRAW_PATH, EXPORT_PATH),
    ):
        assert f"`{path}`" in pages


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.name)
def test_a_metric_is_described_with_its_kind_and_labels(family: MetricFamily) -> None:
    labels = ", ".join(f"`{each}`" for each in family.labels) or "none"
    assert f"| `{family.name}` | {family.kind.value} | {labels} | {family.help} |" in METRICS


def test_every_described_metric_exists() -> None:
    named = {each.removesuffix("_bucket") for each in re.findall(r"`(simpul_\w+)", METRICS)}
    assert named == {each.name for each in FAMILIES}


def test_the_addresses_of_metrics_and_status_are_described() -> None:
    for path in (METRICS_PATH, STATUS):
        assert f"## `{path}`" in METRICS
    assert f"`{STATUS}`" in read_pages("docs/frontend/pages.md")


def test_the_documented_lifetimes_of_sessions_and_sign_ins_are_right() -> None:
    page = " ".join(read_pages("docs/operators/sign-in.md").split())
    assert f"{SessionLimits().idle / 60:.0f} minutes without use" in page
    assert f"{SessionLimits().lifetime / 3600:.0f} hours after the sign-in" in page
    assert f"{AWAY / 60:.0f} minutes, or until" in page


@pytest.mark.parametrize("name", sorted(QUERY.fields) if QUERY else [])
def test_a_root_field_is_described_with_its_arguments(name: str) -> None:
    assert QUERY is not None
    arguments = ", ".join(f"{argument}:" for argument in QUERY.fields[name].args)
    assert f"| `{name}({arguments})` |".replace("()", "") in READING


@pytest.mark.parametrize("name", sorted(MUTATION.fields) if MUTATION else [])
def test_a_mutation_is_described_with_its_arguments(name: str) -> None:
    assert MUTATION is not None
    arguments = ", ".join(f"{argument}:" for argument in MUTATION.fields[name].args)
    assert f"| `{name}({arguments})` |".replace("()", "") in RIGHTS + read_pages(
        "docs/frontend/commands.md", "docs/frontend/cases.md"
    )


@pytest.mark.parametrize("refusal", DataRequestRefusal)
def test_a_reason_to_refuse_a_data_request_has_its_law(refusal: DataRequestRefusal) -> None:
    assert f"| `{refusal.name}` | article" in read_pages("docs/operators/data-requests.md")


def test_every_scalar_of_the_graph_is_described() -> None:
    own = {
        name
        for name, type_ in SCHEMA.type_map.items()
        if isinstance(type_, GraphQLScalarType) and not is_specified_scalar_type(type_)
    }
    assert set(re.findall(r"^\| `(\w+)` \|", READING.partition("## Scalars")[2], re.MULTILINE)) == own


@pytest.mark.parametrize("block", list(find_blocks("graphql")), ids=lambda block: f"{block.page}:{block.line}")
def test_a_graphql_block_fits_the_schema(block: Block) -> None:
    assert [error.message for error in validate(SCHEMA, parse(block.text))] == []


def find_anchors(path: Path) -> set[str]:
    """The anchors of a page's headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", find_pages(), ids=page_name)
def test_links_inside_the_project_work(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not anchor or anchor in find_anchors(linked), target


@pytest.mark.parametrize("path", find_pages(), ids=page_name)
def test_files_and_tests_that_a_page_names_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for path_named, test in re.findall(rf"`((?:{LAYERS})/[\w./-]*)(?:::(\w+))?`", text):
        if "NAME" in path_named or "AGENCY" in path_named:
            continue
        assert (ROOT / path_named).exists(), path_named
        assert not test or f"def {test}(" in (ROOT / path_named).read_text(encoding="utf-8"), f"{path_named}::{test}"


def test_every_scope_of_citizens_apps_is_described_as_in_the_schema() -> None:
    rows = re.findall(r"^\| `(citizen:[a-z-]+)` \| (.+) \|$", READING, re.MULTILINE)
    assert [(scope, f"{words}.".lower()) for scope, words in rows] == [
        (each.value, each.description.lower()) for each in CitizenScope
    ]
