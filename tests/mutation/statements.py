"""Wrong statements: another column for the keys, other selected columns, another join, without a condition."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import sqlglot
from sqlglot import exp

_KEYS = "keys"


def change_statement(statement: str) -> Iterator[tuple[str, str]]:
    """Each wrong statement, with what is wrong."""
    right = sqlglot.parse_one(statement, read="postgres")
    selected = (
        [each for each in right.expressions if isinstance(each.unalias(), exp.Column)]
        if isinstance(right, exp.Select)
        else []
    )
    for first, second in combinations(range(len(selected)), 2):
        one, two = selected[first], selected[second]
        changed = right.copy()
        changed.expressions[right.expressions.index(one)].replace(exp.alias_(two.unalias().copy(), one.alias_or_name))
        changed.expressions[right.expressions.index(two)].replace(exp.alias_(one.unalias().copy(), two.alias_or_name))
        yield f"selects {one.alias_or_name} <-> {two.alias_or_name}", changed.sql("postgres")
    count = len(list(right.find_all(exp.Placeholder)))
    for name in sorted({each.name for each in right.find_all(exp.Column)}):
        for number in range(count):
            changed = right.copy()
            placeholder = list(changed.find_all(exp.Placeholder))[number]
            condition = placeholder.find_ancestor(exp.In, exp.EQ)
            column = condition.find(exp.Column) if condition is not None else None
            if placeholder.name == _KEYS and column is not None and column.name != name:
                column.set("this", exp.to_identifier(name))
                yield f"asks by {name}{f' in place {number + 1}' if number else ''}", changed.sql("postgres")
    for number, join in enumerate(right.find_all(exp.Join)):
        if join.args.get("on") is not None:
            changed = right.copy()
            list(changed.find_all(exp.Join))[number].set("on", exp.true())
            yield "joins every row", changed.sql("postgres")
    for number, part in enumerate(right.find_all(exp.And)):
        for side in ("this", "expression"):
            changed = right.copy()
            found = list(changed.find_all(exp.And))[number]
            if found.args[side].find(exp.Placeholder) is not None:
                found.replace(found.args[side].copy())
                yield f"without {part.args['expression' if side == 'this' else 'this'].sql()}", changed.sql("postgres")
