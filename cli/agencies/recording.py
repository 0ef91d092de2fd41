"""Records samples of an agency: asks it like a trial, and writes replies of the same form with invented values.

Nothing is written before the read is committed to the access ledger. Live values stay in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from cli.agencies.onboarding.disguise import Disguise, list_column_forms, list_leaves
from cli.agencies.reply_tape import ReplyTape
from cli.agencies.trial import AgencyTrial, ask_agency, record_people
from cli.command_error import CommandError
from connectors.declared.domain_reads import list_reads
from connectors.declared.row_observation import ObservedRow
from connectors.declared.snapshot.tables import SnapshotReadTable
from connectors.declared.sql.row_origins import find_row_origins
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.dialects import SqlDialect
from engine.reporting import ReadRecorder
from resolvers.domains import find_domains

_DRIVERS: Final = frozenset({"sql", "http", "ckan", "soap"})
_MAX_ROWS: Final = 200
_MAX_COPIES: Final = 12
_REPLIES: Final = "replies.json"
_SCHEMA: Final = "schema.sql"
_TYPES: Final[Mapping[type[Any], str]] = {
    bool: "boolean",
    int: "bigint",
    Decimal: "numeric",
    float: "double precision",
    datetime: "timestamp with time zone",
    date: "date",
}
Files = dict[str, Any]
"""The content of JSON files by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The files of one recording by name, and the key that answers now."""

    files: Mapping[str, str]
    key: str
    outcome: str
    """What the trial found: `answered`, `no record` or a failure, which the samples give, too."""


async def record_samples(trial: AgencyTrial, city: Path, recorder: ReadRecorder | None) -> Recording:
    """Ask the agency, record the read, and build the files. Raises `CommandError` and `ManifestError`."""
    manifest, tape, rows = trial.manifest.manifest, ReplyTape(), list[ObservedRow]()
    if manifest.wire.driver not in _DRIVERS:
        raise CommandError(f"samples of the driver '{manifest.wire.driver}' are written by hand, see manifests.md")
    if isinstance(manifest.reads.get(trial.read), SnapshotReadTable):
        raise CommandError(f"{trial.read} is answered from a snapshot: write samples of its rows by hand")
    key = trial.parse_key()
    outcome, answer = await ask_agency(trial, city, key, rows.append, tape.attach)
    if recorder is not None:
        await record_people(trial, recorder, [key, answer, rows])
    if not tape.replies:
        raise CommandError(f"the agency gave no reply to record: {outcome}")
    folder = city / "samples" / trial.manifest.code
    builder = _SampleBuilder(trial, tape)
    return Recording(files=builder.build(folder), key=builder.find_new_key(), outcome=outcome)


class _SampleBuilder:
    """Builds the samples of one read from its replies."""

    def __init__(self, trial: AgencyTrial, tape: ReplyTape) -> None:
        manifest = trial.manifest.manifest
        self._trial = trial
        self._replies = tape.replies
        self._driver: Any = tape
        self._table: Any = manifest.reads[trial.read]
        self._keys = {str(each) for each in _list_key_texts(trial.parse_key())}
        live = {str(each) for _, content in tape.replies for _, each in list_leaves(content)}
        paging = getattr(self._table, "paging", None)
        if paging is not None and paging.by == "next":
            raise CommandError(f"reads.{trial.read}: pages by links are not recorded; write the samples by hand")
        self._cursors = {
            str(each)
            for _, content in tape.replies
            for path, each in list_leaves(content)
            if paging is not None and each and ".".join(path) == paging.at
        }
        codes = () if manifest.trouble is None else manifest.trouble.code
        kept = [*codes, *((paging.total, paging.more) if paging else ())]
        reads = list_reads(find_domains()[manifest.domain])
        self._disguise = Disguise(
            columns=list_column_forms(list(reads.values()), manifest.records),
            live=frozenset(live | self._keys),
            kept=frozenset(filter(None, kept)),
            same=frozenset(self._keys),
            codes=manifest.trouble,
        )
        self._is_list = trial.domain_read.is_list and paging is None

    def build(self, folder: Path) -> Mapping[str, str]:
        """The files, together with those that are in the folder."""
        match self._trial.manifest.manifest.wire.driver:
            case "sql":
                files = self._build_tables(folder)
            case "ckan":
                found = [row for _, reply in self._replies for row in reply["result"]["records"]]
                files = {f"{self._table.resource}.json": self._replace_rows(found)}
            case _:
                files = {_REPLIES: dict(self._build_replies())}
        for name, content in files.items():
            if name != _SCHEMA and (place := self._disguise.find_survivor(content)) is not None:
                raise CommandError(f"a live value would be in {name} at {place}, so nothing was written")
        texts = {name: _write(_merge(folder / name, content)) for name, content in files.items() if name != _SCHEMA}
        if _SCHEMA in files and not (folder / _SCHEMA).exists():
            texts[_SCHEMA] = files[_SCHEMA]
        return texts

    def _build_tables(self, folder: Path) -> Files:
        """The rows of each table of the statement, and their types if JSON does not have them."""
        dialect: SqlDialect = self._driver.dialect
        try:
            origins = find_row_origins(f"reads.{self._trial.read}.statement", self._table.statement, dialect)
        except NotDeclarableError as problem:
            raise CommandError(str(problem)) from None
        tables: dict[str, list[Any]] = {}
        for row in self._replace_rows([row for _, rows in self._replies for row in rows]):
            for table, part in origins.split(row).items():
                if part not in tables.setdefault(table, []):
                    tables[table].append(part)
        files: Files = {f"{name}.json": rows for name, rows in tables.items()}
        kinds = {type(value) for rows in tables.values() for row in rows for value in row.values()}
        if kinds & {date, datetime, Decimal} and not any(folder.glob("*.json")):
            files[_SCHEMA] = "".join(_write_table(name, rows) for name, rows in tables.items())
        return files

    def _build_replies(self) -> Iterator[tuple[str, Any]]:
        """The reply to each request, with its key replaced, too."""
        path = [each for each in str(self._table.rows).split(".") if each]
        is_batch = self._table.takes_batches
        for line, reply in self._replies:
            extended = self._extend(reply, path) if self._is_list else self._disguise.replace(reply)
            yield self._rename(line, is_batch=is_batch), extended

    def _extend(self, reply: Any, path: Sequence[str], prefix: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 - any JSON
        """A reply with more rows in its list, so that each word of the manifest occurs."""
        if not path:
            return (
                self._replace_rows(reply, prefix)
                if isinstance(reply, list | tuple)
                else self._disguise.replace(reply, prefix)
            )
        first, *rest = path
        if not isinstance(reply, Mapping) or first not in reply:
            return self._disguise.replace(reply, prefix)
        replaced = self._disguise.replace({name: each for name, each in reply.items() if name != first}, prefix)
        return {
            name: self._extend(reply[first], rest, (*prefix, first)) if name == first else replaced[name]
            for name in reply
        }

    def _replace_rows(self, rows: Sequence[Any], prefix: tuple[str, ...] = ()) -> list[Any]:
        if len(rows) > _MAX_ROWS:
            raise CommandError(f"the key has {len(rows)} rows; record one with at most {_MAX_ROWS}")
        found = [self._disguise.replace(each, prefix) for each in rows]
        used = {name for each in rows for name in _list_names(each)}
        words = [len(form.words) for name, form in self._disguise.columns.items() if name in used]
        wanted = min(_MAX_COPIES, max(words, default=0)) if rows and self._is_list else 0
        copies = range(len(found), wanted)
        return found + [self._disguise.replace(rows[number % len(rows)], prefix, copy=number) for number in copies]

    def _rename(self, line: str, *, is_batch: bool) -> str:
        """A request with invented keys, or with any keys if one call takes several."""
        fixed = [each for name in ("query", "form", "body", "arguments") for each in _list_fixed(self._table, name)]
        starts = tuple(start for name in fixed for start in (f"{name}=", f'"{name}": ', f'"{name}": "'))
        for each in sorted(self._keys | self._cursors, key=len, reverse=True):
            new = "{keys}" if is_batch and each in self._keys else self._replace_key(each)
            line = line.replace(f'["{each}"]', f'"{new}"') if is_batch else line

            def replace(found: re.Match[str], text: str = line, new: str = new) -> str:
                return found[0] if text[: found.start()].endswith(starts) else new

            line = re.sub(rf"(?<![\w.-]){re.escape(each)}(?![\w.-])", replace, line)
        return line

    def _replace_key(self, key: str) -> str:
        return str(self._disguise.replace_key(key, self._trial.domain_read.key))

    def find_new_key(self) -> str:
        """The invented key, in the form of the command's."""
        key = self._trial.parse_key()
        if is_dataclass(key) and not isinstance(key, type):
            parts = asdict(key).items()
            return json.dumps(
                {name: self._replace_key(each) if isinstance(each, str) and each else each for name, each in parts},
                default=str,
            )
        return self._replace_key(str(key))


def _list_key_texts(key: Any) -> Iterator[Any]:  # noqa: ANN401 - any key of a domain
    if is_dataclass(key) and not isinstance(key, type):
        yield from (each for each in asdict(key).values() if isinstance(each, str) and each)
    else:
        yield key


def _list_fixed(table: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - a table of a read
    """The parameters of a request without a part of the key, by name."""
    given = getattr(table, name, None) or {}
    for path, value in list_leaves(given):
        if "{" not in str(value):
            yield ".".join(path)
            yield path[-1]


def _list_names(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    for name, each in value.items() if isinstance(value, Mapping) else ():
        yield str(name)
        for inner in each if isinstance(each, list | tuple) else [each]:
            yield from _list_names(inner)


def _write_table(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The statement that creates a table with the types of its values."""
    columns: dict[str, str] = {}
    for row in rows:
        for column, value in row.items():
            kind = next((written for each, written in _TYPES.items() if isinstance(value, each)), "text")
            if value is not None or column not in columns:
                columns[column] = kind
    return f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())});\n"


def _merge(path: Path, content: Any) -> Any:  # noqa: ANN401 - any JSON
    """The content of a file with new replies or rows."""
    if not path.exists():
        return content
    known = json.loads(path.read_text(encoding="utf-8"))
    return {**known, **content} if isinstance(known, dict) else [*known, *content]


def _write(content: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(content, ensure_ascii=False, indent=1, default=_to_json) + "\n"


def _to_json(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date) else str(value)
