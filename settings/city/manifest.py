"""The manifest of an agency: what it is, how it is called, and what it answers, in one TOML file of the city folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializeAsAny,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from auth.policy.data_contracts import DataContract
from connectors.declared.connector import DeclaredTables, ProbeTable
from connectors.declared.driver_families import (
    DRIVER_FAMILIES,
    Wire,
    build_defaults_table,
    find_read_table,
    parse_commands,
    parse_reads,
    parse_snapshots,
)
from connectors.declared.http.tables import HttpCallTable, HttpWire
from connectors.declared.service.wire import CredentialTable, ServiceWire
from connectors.declared.snapshot.tables import SnapshotReadTable, SnapshotTable
from connectors.declared.tables import (
    CommandTable,
    ManifestTable,
    NotDeclarableError,
    PythonReadTable,
    ReadTable,
    RecordTable,
    TroubleTable,
    WireTable,
)
from connectors.declared.xml.tables import XmlWire
from connectors.resilience.agency_terms import AgencyTerms
from records.calls.freshness import ReadLifetimes
from records.config_file import read_bounded
from resolvers.domains import find_domains
from settings.city.problems import CityProblem, ManifestError, find_line
from settings.city.references import ReferenceResolver, list_variables
from settings.city.table_problems import describe_validation, find_keys, find_text

_KNOWN_TROUBLE: Final = frozenset({"sql", "ckan", "fhir", "gtfs"})
"""Drivers whose replies hold no result code that a manifest could explain."""
_CREDENTIAL_PLACES: Final = {"form": "forms", "body": "JSON bodies"}
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_CONNECTOR: Final = re.compile(r"(connectors(?:\.[a-z_]+)+):([A-Z][A-Za-z]*)")


class Names(ManifestTable):
    """A name in both languages of the city."""

    en: str = Field(min_length=1, max_length=100, description="in English, as it reads after 'the'")
    id: str = Field(min_length=1, max_length=100, description="in Indonesian")


Place = Annotated[str, StringConstraints(pattern=r"^\d\d(\.\d\d(\.\d\d(\.\d{4})?)?)?$")]
Stage = Literal["draft", "agreed", "assessed", "shadow", "live"]


def _check_domain(word: str) -> str:
    if word not in find_domains():
        raise ValueError(f"there is no such domain: write one of {', '.join(find_domains())}")
    return word


DomainWord = Annotated[str, AfterValidator(_check_domain)]
"""The word for a domain, which is the name of its module in `resolvers/`."""


class AgencyManifest(ManifestTable):
    """What the manifest of an agency holds."""

    name: Names = Field(description="name of the agency: `{ en = ..., id = ... }`")
    stage: Stage = Field(description="`draft`, `agreed`, `assessed`, `shadow` or `live`; only `live` answers callers")
    domain: DomainWord = Field(description="what it answers: one of the [domains](domains.md), such as `prices`")
    wire: Annotated[Wire, Field(discriminator="driver", description="table: how it is called")]
    serves: tuple[Place, ...] = Field(
        default=(),
        description='codes of the regions that it serves, if the domain has several agencies: `["31.74", "31.75"]`',
    )
    terms: AgencyTerms = Field(default=AgencyTerms(), description="table: how it may be called (agency-terms.md)")
    contract: DataContract | None = Field(default=None, description="table: the data contract (data-contracts.md)")
    connector: str | None = Field(
        default=None, description="connector in Python, `connectors.module:Class`, in place of `reads` and `records`"
    )
    options: Mapping[str, Any] = Field(default={}, repr=False, description="table: options of that connector")
    snapshots: Mapping[str, SerializeAsAny[SnapshotTable]] = Field(
        default={}, description="tables: whole sources that are loaded from time to time and answered locally"
    )
    defaults: Mapping[str, Any] = Field(
        default={}, description="table: keys of a read, for all reads that do not have them and call the agency"
    )
    reads: Mapping[str, SerializeAsAny[PythonReadTable]] = Field(default={}, description="tables: declared reads")
    lacks: tuple[str, ...] = Field(
        default=(), description='reads of the domain that the agency does not have: `["trends"]`'
    )
    commands: Mapping[str, SerializeAsAny[CommandTable]] = Field(
        default={}, description="tables: commands of the domain that the agency takes, such as `submit_complaint`"
    )
    records: Mapping[str, RecordTable] = Field(default={}, description="tables: declared records")
    trouble: TroubleTable | None = Field(default=None, description="table: the meaning of result codes in replies")
    probe: ProbeTable | None = Field(default=None, description="table: the declared read that shows that it answers")

    @field_validator("defaults", mode="plain")
    @classmethod
    def _read_defaults(cls, given: object, info: ValidationInfo) -> object:
        """As given: each read is checked with them."""
        wire: WireTable | None = info.data.get("wire")
        if wire is not None:
            read = find_read_table(wire.driver, is_python=info.data.get("connector") is not None)
            build_defaults_table(read).model_validate(given)
        return given

    @field_validator("reads", mode="plain")
    @classmethod
    def _read_reads(cls, given: object, info: ValidationInfo) -> Mapping[str, PythonReadTable]:
        """By the driver, which decides what a read says; a wrong `wire` is a problem of another line."""
        wire: WireTable | None = info.data.get("wire")
        if info.data.get("connector") is not None:
            return TypeAdapter(Mapping[str, PythonReadTable]).validate_python(given)
        if wire is None or "defaults" not in info.data:  # they are wrong
            return {}
        return parse_reads(wire.driver, given, info.data["defaults"])

    @field_validator("snapshots", mode="plain")
    @classmethod
    def _read_snapshots(cls, given: object, info: ValidationInfo) -> Mapping[str, SnapshotTable]:
        """By the driver, like reads."""
        wire: WireTable | None = info.data.get("wire")
        return {} if wire is None else parse_snapshots(wire.driver, given)

    @field_validator("commands", mode="plain")
    @classmethod
    def _read_commands(cls, given: object, info: ValidationInfo) -> Mapping[str, CommandTable]:
        """By the driver, like reads."""
        wire: WireTable | None = info.data.get("wire")
        return {} if wire is None else parse_commands(wire.driver, given)

    @property
    def is_live(self) -> bool:
        """Whether the agency answers callers."""
        return self.stage == "live"

    @property
    def declared_tables(self) -> DeclaredTables | None:
        """The declared reads; None for an agency whose protocol has them, or a connector in Python."""
        reads = {name: each for name, each in self.reads.items() if isinstance(each, ReadTable)}
        if not reads:
            return None
        return DeclaredTables(
            driver=self.wire.driver,
            reads=reads,
            lacks=self.lacks,
            records=self.records,
            probe=self.probe,
            trouble=self.trouble,
            snapshots=self.snapshots,
        )

    @property
    def lifetimes(self) -> Mapping[str, ReadLifetimes]:
        """How long the answers of each read may be used. Answers of other reads are for one use."""
        return {
            name: replace(each.freshness.build_lifetimes(), searched_field=each.searched_field)
            for name, each in self.reads.items()
            if each.freshness is not None
        }

    def find_contradictions(self) -> Iterator[NotDeclarableError]:
        """What is wrong between tables that are each right alone."""
        if self.terms.hedge and self.wire.driver not in {"http", "xml", "open311"}:
            yield NotDeclarableError("terms.hedge", "the agency is not called by GET; remove this line")
        yield from self._find_foreign_trouble()
        if self.terms.sessions and self.wire.driver != "sql":
            yield NotDeclarableError("terms.sessions", "only a database has sessions; remove this line")
        if self.defaults and self.declared_tables is None:
            yield NotDeclarableError("defaults", "they are for declared reads; remove this table")
        if self.lacks and self.declared_tables is None:
            yield NotDeclarableError("lacks", "only declared reads can be left out; remove this line")
        if self.connector is None:
            yield from self._find_undeclared()
            yield from self._find_unsent_credentials()
        else:
            yield from self._find_doubled(self.connector)

    def _find_foreign_trouble(self) -> Iterator[NotDeclarableError]:
        """Meanings of result codes that replies of this driver do not have."""
        if self.trouble is None:
            return
        driver, given = self.wire.driver, self.trouble.model_fields_set
        if driver in _KNOWN_TROUBLE:
            yield NotDeclarableError("trouble", "the hub knows how this driver reports failures; remove this table")
            return
        if driver == "graphql" and (foreign := given - {"errors", "pause"}):
            key = min(foreign)
            yield NotDeclarableError(f"trouble.{key}", "GraphQL reports failures in errors; write trouble.errors")
        if "errors" in given and driver != "graphql":
            yield NotDeclarableError("trouble.errors", "only GraphQL has such errors; remove this table")
        if "faults" in given and driver not in {"soap", "graphql"}:
            yield NotDeclarableError("trouble.faults", "only SOAP has faults; remove this table")
        if "status" in given and driver == "soap":
            yield NotDeclarableError("trouble.status", "SOAP reports failures in faults; write trouble.faults")

    def _find_undeclared(self) -> Iterator[NotDeclarableError]:
        domain_reads = DRIVER_FAMILIES[self.wire.driver].domain_reads
        if domain_reads is not None:
            if self.domain != domain_reads.domain:
                yield NotDeclarableError(
                    "domain", f'{self.wire.driver} answers the domain "{domain_reads.domain}"; write that'
                )
            if self.probe is not None:
                yield NotDeclarableError("probe", f"{self.wire.driver} has its own; remove this table")
        elif not self.reads:
            yield NotDeclarableError("reads", 'declare the reads of the domain, or name a connector = "connectors..."')
        elif self.probe is None and not all(isinstance(each, SnapshotReadTable) for each in self.reads.values()):
            yield NotDeclarableError("probe", "name the read that shows whether the agency answers, and its key")
        if self.options:
            yield NotDeclarableError("options", "they belong to a connector in Python; remove this table")

    def _find_unsent_credentials(self) -> Iterator[NotDeclarableError]:
        """Calls that cannot send the form fields, or the members of a JSON body, of the credential."""
        credential = self.wire.credential if isinstance(self.wire, ServiceWire) else CredentialTable()
        is_sending = isinstance(self.wire, HttpWire | XmlWire)
        for part in ("form", "body"):
            if getattr(credential, part) and not is_sending:
                problem = f"{self.wire.driver} sends no {_CREDENTIAL_PLACES[part]}; write wire.credential.headers"
                yield NotDeclarableError(f"wire.credential.{part}", problem)
        calls = {f"reads.{name}": each for name, each in self.reads.items()}
        sources = {f"snapshots.{name}.rows": each.rows for name, each in self.snapshots.items()}
        for place, call in {**calls, **sources}.items() if is_sending else ():
            if not isinstance(call, HttpCallTable):
                continue
            if credential.form and not call.sends_forms:
                yield NotDeclarableError(
                    place, 'its call has no form, which wire.credential.form needs: write method = "POST", or headers'
                )
            if credential.body and not call.sends_json:
                yield NotDeclarableError(place, "its call has no JSON body, which wire.credential.body needs")
            if doubled := sorted(credential.body.keys() & (call.body or {}).keys()):
                yield NotDeclarableError(f"{place}.body", f"'{doubled[0]}' is in wire.credential.body; remove it here")

    def _find_doubled(self, connector: str) -> Iterator[NotDeclarableError]:
        match = _CONNECTOR.fullmatch(connector)
        if match is None or find_spec(match[1].rpartition(".")[0]) is None or find_spec(match[1]) is None:
            yield NotDeclarableError("connector", "not a module of the hub's connectors: write connectors.module:Class")
        for table in ("snapshots", "records", "trouble", "probe"):
            if getattr(self, table):
                yield NotDeclarableError(table, f"the connector answers in its place; remove [{table}]")


class ManifestFile:
    """A manifest with the file that it came from, so that later problems can name their line."""

    def __init__(self, path: Path, text: str, manifest: AgencyManifest) -> None:
        """Take what `load` read."""
        self.path = path
        self.manifest = manifest
        self.code = path.stem
        self._text = text

    @classmethod
    def load(cls, path: Path, environment: Mapping[str, str] | None = None, *, is_trial: bool = False) -> Self:
        """Read and check a manifest. Without an environment, its references stay as they are.

        With `is_trial`, an agency that is not live gets its values, too.

        Raises:
            ManifestError: It names every problem of the file.

        """
        text, given = read_toml(path)
        is_called = is_trial or given.get("stage") in ("shadow", "live")
        resolver = ReferenceResolver(environment if is_called else None)
        resolved = resolver.resolve(given)
        problems = [
            CityProblem(path, find_line(text, each.keys), ".".join(each.keys), each.text, each.variable)
            for each in resolver.unresolved
        ]
        known = {each.place for each in problems}
        if not _CODE.fullmatch(path.stem):
            problems.append(
                CityProblem(path, None, "", "the file's name is the agency's code: a-z, 0-9 and -, at most 32")
            )
        try:
            manifest = AgencyManifest.model_validate(resolved)
        except ValidationError as error:
            found = describe_validation(path, text, given, AgencyManifest, error)
            raise ManifestError([*problems, *(each for each in found if each.place not in known)]) from None
        file = cls(path, text, manifest)
        problems += [file.locate(each.place, each.problem) for each in manifest.find_contradictions()]
        if problems:
            raise ManifestError(problems)
        return file

    def locate(self, place: str, problem: str) -> CityProblem:
        """A problem at a place, with the file, the line, and the variable that the value comes from."""
        given = tomllib.loads(self._text)
        keys = find_keys(given, place.split("."))
        line = find_line(self._text, keys)
        value = find_text(given, keys)
        if value is None and self._text:
            value = self._text.splitlines()[line - 1]
        variables = tuple(list_variables(value or ""))
        return CityProblem(self.path, line, place, problem, variables[0] if variables else None)

    def explain(self, error: NotDeclarableError) -> CityProblem:
        """The same problem, with the file and the line."""
        return self.locate(error.place, error.problem)


def read_toml(path: Path) -> tuple[str, Mapping[str, Any]]:
    """The text of a file, and what it holds. Raises `ManifestError`."""
    try:
        text = read_bounded(path).decode("utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = f"not valid TOML: {error}"
    except ValueError as error:
        problem = str(error)
    raise ManifestError([CityProblem(path, None, "", problem)])
