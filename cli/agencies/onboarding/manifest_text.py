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
# steward = "?"                        # who is responsible for the data there
# purposes = ["SUBJECT_REQUEST"]
# retention = "The hub keeps nothing of it."
#
# [contract.assessment]
# id = "?"
# decided_on = 2026-01-01
# decided_by = "?"
# review_by = 2027-01-01
# residual_risk = "low"
# classes = ["PERSONAL"]
"""


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
    yield ""
    yield "[wire]"
    yield f"driver = {_write(interface.driver)}"
    yield f'url = "${{{name_variable(code, "URL")}}}"'
    for key, value in interface.wire.items():
        if key != "credential":
            yield f"{key} = {_write(value)}"
    for name, table in interface.wire.get("credential", {}).items():  # type: ignore[attr-defined]  # a table
        yield from ("", f"[wire.credential.{name}]")
        for key, value in table.items():
            filled = re.sub(r"\$\{(\w+)\}", lambda found: f"${{{name_variable(code, found[1])}}}", str(value))
            yield f"{_write_key(key)} = {_write(filled)}"
    yield from ("", "[terms]", "deadline = 3.0", "retries = 1", "", "[terms.breaker]")
    if proposal.is_personal:
        yield _CONTRACT.rstrip("\n")
    tables = [*_name_tables("snapshots", proposal.snapshots), *_name_tables("reads", proposal.reads)]
    tables += _name_tables("records", proposal.records)
    for place, table in [*tables, *([("probe", proposal.probe)] if proposal.probe is not None else [])]:
        yield from ("", f"[{place}]{_write_note(place, proposal)}")
        for key, value in table.items():
            yield f"{_write_key(key)} = {_write(value)}{_write_note(f'{place}.{key}', proposal)}"


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
