"""The SQL of a manifest: one SELECT that only reads, names its columns, and asks for the requested keys.

A manifest must not become a way to write, to wait, or to read files at an agency. What a statement may do is therefore
listed, not what it may not do: queries of tables with functions that the parser knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.dialects import SqlDialect

KEYS: Final = "keys"
"""The parameter of a statement that stands for the requested keys."""

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
_PARAMETER_IN_TEXT: Final = re.compile(r"(?<![:\w\\]):\w")
"""What SQLAlchemy takes for a parameter, also inside a quoted text."""


@dataclass(frozen=True, slots=True)
class SqlSelect:
    """One safe SELECT of a manifest."""

    place: str
    query: exp.Query
    dialect: SqlDialect

    def render(self, *, exact: bool = True, has_ascii_keys: bool = True) -> str:
        """The statement for the driver; with `exact`, rows whose key is only similar to a requested one stay out."""
        query = self.query.copy()
        for condition in list(query.find_all(exp.In, exp.EQ)):
            if (column := _find_keyed(condition)) is not None:
                condition.replace(write_membership(column, self.dialect, KEYS, exact=exact, is_ascii=has_ascii_keys))
        for parameter in list(query.find_all(exp.Placeholder)):
            parameter.replace(exp.var(f":{parameter.name}"))
        return query.sql(dialect=self.dialect.parser)

    def select(self, columns: Collection[str]) -> SqlSelect:
        """The statement with these columns only, and without the left joins that nothing else needs."""
        query = self.query.copy()
        query.set("expressions", [each for each in query.selects if each.alias_or_name in columns])
        for join in reversed(query.args.get("joins") or ()):
            if join.side == "LEFT" and not _is_used(join, query):
                join.pop()
        return SqlSelect(self.place, query, self.dialect)

    def select_page(self, column: str, *, limit: str, after: str | None = None) -> SqlSelect:
        """The statement in the order of a column, with a limit, after a value; the parameters have these names."""
        key = self.find_selected(column)
        query = self.query.copy()
        query.set("order", None)
        if after is not None:
            query = query.where(exp.GT(this=key.copy(), expression=exp.Placeholder(this=after)))
        query = query.order_by(exp.Ordered(this=key.copy())).limit(exp.Placeholder(this=limit))
        return SqlSelect(self.place, query, self.dialect)

    def require_conditions(self) -> None:
        """Check that conditions, an order and a limit can be added. Raises `NotDeclarableError`."""
        given = self.query.args
        if not isinstance(self.query, exp.Select) or given.get("distinct") or given.get("group"):
            raise NotDeclarableError(
                self.place, "conditions are added to one SELECT without UNION, DISTINCT and GROUP BY"
            )
        if given.get("limit") or given.get("offset"):
            raise NotDeclarableError(self.place, "the hub writes the limit; remove LIMIT and OFFSET")

    def find_selected(self, column: str) -> exp.Expr:
        """The expression that gives a column of the result."""
        return next(each.unalias() for each in self.query.selects if each.alias_or_name == column)

    def require_prunable(self) -> None:
        """Check that `select` can tell which joins are needed. Raises `NotDeclarableError`."""
        if not isinstance(self.query, exp.Select):
            raise NotDeclarableError(self.place, "facets come from one SELECT, without UNION")
        if self.query.args.get("distinct") or self.query.args.get("group"):
            raise NotDeclarableError(self.place, "facets select some of the columns; remove DISTINCT and GROUP BY")
        bare = [each for each in self.query.find_all(exp.Column) if not each.table and each.find_ancestor(exp.Select)]
        if self.query.args.get("joins") and bare:
            raise NotDeclarableError(self.place, f"with joins, name the table of each column, as in t.{bare[0].name}")


def parse_statement(
    place: str,
    text: str,
    dialect: SqlDialect,
    columns: Iterable[str],
    *,
    parameters: Collection[str] = (KEYS,),
) -> SqlSelect:
    """Check that a text is one safe SELECT with all `columns` in its result, and with exactly these parameters.

    Raises:
        NotDeclarableError: It names the place and what to change.

    """
    try:
        parsed = [each for each in sqlglot.parse(text, read=dialect.parser) if each is not None]
        tokens = {each.token_type.name for each in sqlglot.tokenize(text, read=dialect.parser)}
    except SqlglotError as error:
        problem = f"the statement is no SQL that {dialect.scheme} speaks: {_first_line(error)}"
        raise NotDeclarableError(place, problem) from None
    if len(parsed) != 1:
        raise NotDeclarableError(place, f"{len(parsed)} statements; write one")
    (query,) = parsed
    reason = _find_unsafe(query)
    if reason is not None or not isinstance(query, exp.Query):
        raise NotDeclarableError(place, f"the statement is not allowed: {reason}. Write one SELECT that only reads")
    forms = {*_list_forms(query), *(["DoubleColon"] if "DCOLON" in tokens else [])}
    if unspoken := sorted(dialect.unspoken.keys() & forms):
        raise NotDeclarableError(place, f"{dialect.scheme} does not speak {dialect.unspoken[unspoken[0]]}")
    used = sorted({each.name for each in query.find_all(exp.Placeholder)})
    if used != sorted(parameters):
        wanted = f"ask for the keys with :{KEYS}" if KEYS in parameters else "write none"
        raise NotDeclarableError(place, f"the statement uses {used or 'no parameter'}; {wanted}")
    if KEYS in parameters and any(_is_compared_with_one(each) for each in query.find_all(exp.Placeholder)):
        raise NotDeclarableError(place, f"it compares a column with one key; write IN :{KEYS}")
    if missing := sorted(set(columns) - set(query.named_selects)):
        raise NotDeclarableError(place, f"the statement does not select the column '{missing[0]}'")
    return SqlSelect(place, query, dialect)


def _is_compared_with_one(parameter: exp.Placeholder) -> bool:
    """Whether the keys are compared as one value: `nik = :keys` works for one key, and fails for two."""
    return parameter.name == KEYS and isinstance(parameter.parent, exp.EQ | exp.NEQ)


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
        if isinstance(part, exp.Literal) and part.is_string and _PARAMETER_IN_TEXT.search(part.name):
            return "a text in it holds ':' before a word, which would be a parameter"
    return None


def _list_forms(query: exp.Query) -> Iterator[str]:
    """The syntax of a statement, in the words of `SqlDialect.unspoken`."""
    for part in query.walk():
        yield type(part).__name__
        if isinstance(part, exp.Distinct) and part.args.get("on"):
            yield "DistinctOn"
        if isinstance(part, exp.Join) and part.side == "FULL":
            yield "FullJoin"
        if isinstance(part, exp.EQ) and _find_keyed(part) is not None:
            yield "AnyArray"


def _find_keyed(condition: exp.Expr) -> exp.Expr | None:
    """What a condition compares with the requested keys: `nik` of `nik IN :keys` and of `nik = ANY(:keys)`."""
    if isinstance(condition, exp.EQ):
        keys = condition.expression.this if isinstance(condition.expression, exp.Any) else None
    else:
        keys = condition.args.get("field") or (condition.expressions[0] if len(condition.expressions) == 1 else None)
    keys = keys.unnest() if isinstance(keys, exp.Paren) else keys
    return condition.this if isinstance(keys, exp.Placeholder) and keys.name == KEYS else None


def write_membership(
    column: exp.Expr, dialect: SqlDialect, parameter: str, *, exact: bool, is_ascii: bool = True
) -> exp.Expr:
    """The condition that a column has one of the values of a parameter.

    `is_ascii` says that every character set has the letters of these values. MariaDB refuses to compare others with a
    column that lacks them, so it then converts the column, without its index.
    """
    keys = exp.Placeholder(this=parameter)
    if dialect.takes_arrays:
        return exp.EQ(this=column.copy(), expression=exp.Any(this=exp.Paren(this=keys)))
    similar = exp.In(this=column.copy(), field=keys)
    if not exact or not dialect.exact_text:
        return similar
    # The first condition uses the index of the column, the second one compares what it found.
    written = dialect.exact_text.format(column.sql(dialect=dialect.parser))
    same = exp.In(this=sqlglot.parse_one(written, read=dialect.parser), field=keys.copy())
    if not is_ascii:
        return same
    return exp.Paren(this=exp.And(this=similar, expression=same))


def _is_used(join: exp.Join, query: exp.Query) -> bool:
    return any(
        each.table == join.alias_or_name and each.find_ancestor(exp.Join) is not join
        for each in query.find_all(exp.Column)
    )


def _first_line(error: SqlglotError) -> str:
    details = getattr(error, "errors", None)
    return f"{details[0]['description']} (line {details[0]['line']})" if details else "it cannot be parsed"
