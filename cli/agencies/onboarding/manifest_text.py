"""Writes a proposed manifest as TOML that a person edits: one line a field, with what is open beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli.agencies.onboarding.proposals import Proposal
from cli.agencies.onboarding.shapes import AgencyInterface

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_CONTRACT: Final = """
# The agency has personal data: agree on a contract, and have it assessed, before the stage "live".
# [contract]
# steward = "?"  # who is responsible for the data there
# purposes = ["SUBJECT_REQUEST"]
# retention = "The hub keeps nothing of it."
# [contract.assessment]
# id = "?"
# decided_on = 2026-01-01
# decided_by = "?"
# review_by = 2027-01-01
# residual_risk = "low"
# classes = ["PERSONAL"]
"""
_FEW: Final = 2
"""Fields of a record that is one line."""
_LINE: Final = 140
"""Signs of a line that holds a whole read."""


def write_manifest(code: str, domain: str, interface: AgencyInterface, proposal: Proposal) -> str:
    """The text of the manifest."""
    return "\n".join(_list_lines(code, domain, interface, proposal)) + "\n"


def name_variable(code: str, suffix: str) -> str:
    """The environment variable of a value: `SIMPUL_IZIN_URL`."""
    return f"SIMPUL_{re.sub('[^A-Z0-9]', '_', code.upper())}_{suffix}"


def _list_lines(code: str, domain: str, interface: AgencyInterface, proposal: Proposal) -> Iterator[str]:
    yield "#:schema ../../manifest.schema.json"
    yield f"# Proposed by `simpul agencies new` from {interface.origin}. Read every line, then remove this one."
    yield f'name = {{ en = "{code}", id = "{code}" }}'
    yield 'stage = "draft"'
    yield f"domain = {_write(domain)}"
    yield "terms = { deadline = 3.0, retries = 1, breaker = {} }"
    if proposal.probe is not None:
        yield f"probe = {_write(proposal.probe)}{_write_note('probe', proposal)}"
    yield ""
    yield "[wire]"
    yield f"driver = {_write(interface.driver)}"
    yield f'url = "${{{name_variable(code, "URL")}}}"'
    for key, value in interface.wire.items():
        if key != "credential":
            yield f"{key} = {_write(value)}"
    for name, table in interface.wire.get("credential", {}).items():  # type: ignore[attr-defined]  # a table
        yield f"credential.{name} = {_fill(_write(table), code)}"
    if proposal.is_personal:
        yield _CONTRACT.rstrip("\n")
    yield from _list_tables(proposal)


def _list_tables(proposal: Proposal) -> Iterator[str]:
    for place, each in _name_tables("snapshots", proposal.snapshots):
        yield from _list_table(place, each, proposal)
    reads, defaults = _take_defaults(proposal.reads)
    if defaults:
        yield from ("", "[defaults]", *_list_keys("defaults", defaults, proposal))
    short = {name: table for name, table in reads.items() if len(_write(table)) <= _LINE and "statement" not in table}
    yield from _list_short("reads", short, proposal)
    for place, each in _name_tables("reads", {name: each for name, each in reads.items() if name not in short}):
        yield from _list_table(place, each, proposal)
    small = {name: table for name, table in proposal.records.items() if len(table) <= _FEW}
    yield from _list_short("records", small, proposal)
    for place, each in _name_tables(
        "records", {name: each for name, each in proposal.records.items() if name not in small}
    ):
        yield from _list_table(place, each, proposal)


def _list_short(outer: str, tables: Mapping[str, Mapping[str, Any]], proposal: Proposal) -> Iterator[str]:
    """Tables of one line each."""
    if tables:
        yield from ("", f"[{outer}]")
    for name, table in tables.items():
        notes = [_write_note(f"{outer}.{name}{each}", proposal) for each in ("", *(f".{key}" for key in table))]
        yield f"{name} = {_write(table)}{next(filter(None, notes), '')}"


def _take_defaults(reads: Mapping[str, Mapping[str, Any]]) -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Any]]:
    """The reads without the keys that all of them have alike, and those keys."""
    tables = list(reads.values())
    if len(tables) < 2 or "snapshot" in tables[0]:  # noqa: PLR2004 - one read has nothing in common
        return reads, {}
    common = {key: value for key, value in tables[0].items() if all(each.get(key) == value for each in tables)}
    return {
        name: {key: each for key, each in table.items() if key not in common} for name, table in reads.items()
    }, common


def _list_table(place: str, table: Mapping[str, Any], proposal: Proposal) -> Iterator[str]:
    yield from ("", f"[{place}]{_write_note(place, proposal)}", *_list_keys(place, table, proposal))


def _list_keys(place: str, table: Mapping[str, Any], proposal: Proposal) -> Iterator[str]:
    for key, value in table.items():
        yield f"{_write_key(key)} = {_write(value)}{_write_note(f'{place}.{key}', proposal)}"


def _fill(text: str, code: str) -> str:
    """A text with the variables of the agency in place of `${KEY}`."""
    return re.sub(r"\$\{(\w+)\}", lambda found: f"${{{name_variable(code, found[1])}}}", text)


def _name_tables(outer: str, tables: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(f"{outer}.{name}", table) for name, table in tables.items()]


def _write_note(place: str, proposal: Proposal) -> str:
    """The comment of a line: what to decide, or what to look at."""
    if place in proposal.notes:
        return f"  # DECIDE: {proposal.notes[place]}"
    return f"  # {proposal.unsure[place]}" if place in proposal.unsure else ""


def _write_key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _write(value: Any) -> str:  # noqa: ANN401 - any value of TOML
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_write_key(str(key))} = {_write(each)}' for key, each in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_write, value))}]"
    if isinstance(value, str) and len(value) > 100 and '"' not in value:  # noqa: PLR2004 - what fits a line
        return f'"""\n    {value}"""'
    return json.dumps(value, ensure_ascii=False)
