"""Checks the SQL of a manifest: one SELECT that only reads, names its columns, and asks for the requested keys.

A manifest must not become a way to write, to wait, or to read files at an agency. What a statement may do is therefore
listed, not what it may not do: queries of tables with functions that the parser knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from connectors.declared.tables import NotDeclarableError

KEYS: Final = "keys"
"""The parameter of a statement that stands for the requested keys."""

_DIALECTS: Final = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}
_FORBIDDEN: Final = {
    exp.DML: "it changes data",
    exp.DDL: "it changes tables",
    exp.Into: "it writes its result somewhere",
    exp.Lock: "it locks rows",
    exp.Command: "it is no query",
    exp.Star: "it does not name its columns",
    exp.Parameter: "it uses a variable of the server",
    exp.SessionParameter: "it uses a variable of the server",
}


def check_statement(place: str, statement: str, scheme: str, columns: Iterable[str]) -> None:
    """Check that a statement is one safe SELECT with all `columns` in its result; `scheme` is that of the address.

    Raises:
        NotDeclarableError: It names the place and what to change.

    """
    dialect = _DIALECTS[scheme]
    try:
        parsed = [each for each in sqlglot.parse(statement, read=dialect) if each is not None]
    except SqlglotError as error:
        problem = f"the statement is no SQL that {scheme} speaks: {_first_line(error)}"
        raise NotDeclarableError(place, problem) from None
    if len(parsed) != 1:
        raise NotDeclarableError(place, f"{len(parsed)} statements; write one")
    (query,) = parsed
    reason = _find_unsafe(query)
    if reason is not None:
        raise NotDeclarableError(place, f"the statement is not allowed: {reason}. Write one SELECT that only reads")
    used = sorted({each.name for each in query.find_all(exp.Placeholder)})
    if used != [KEYS]:
        raise NotDeclarableError(place, f"the statement uses {used or 'no parameter'}; ask for the keys with :{KEYS}")
    given = set(query.named_selects) if isinstance(query, exp.Query) else set()
    if missing := sorted(set(columns) - given):
        raise NotDeclarableError(place, f"the statement does not select the column '{missing[0]}'")


def _find_unsafe(query: exp.Expr) -> str | None:
    if not isinstance(query, exp.Select | exp.SetOperation):
        return "it is no SELECT"
    for part in query.walk():
        if isinstance(part, exp.Star) and isinstance(part.parent, exp.Count):
            continue  # COUNT(*) reads no column
        for kind, reason in _FORBIDDEN.items():
            if isinstance(part, kind):
                return reason
        if isinstance(part, exp.Anonymous):
            return f"the function {part.name.upper()} is not known to only compute"
        if part.comments:  # MySQL executes some of them
            return "it has a comment"
    return None


def _first_line(error: SqlglotError) -> str:
    details = getattr(error, "errors", None)
    return f"{details[0]['description']} (line {details[0]['line']})" if details else "it cannot be parsed"
