"""The four questions and their expected answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.comparison import dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkQuestion:
    """A GraphQL document with one expected answer for all targets."""

    name: str
    document: str
    upstream_calls: int
    """Upstream calls per request without sharing."""
    needs_token: bool = False
    """Whether each request has another caller, with their own token and variables."""

    def variables(self, number: int) -> dict[str, Any]:
        """The variables of the caller with this number."""
        return {"id": dataset.build_caller_id(number)} if self.needs_token else {}


Q1 = BenchmarkQuestion(name="Q1", document="{ greet }", upstream_calls=0)
Q2 = BenchmarkQuestion(name="Q2", document="{ posts { title } }", upstream_calls=1)
Q3 = BenchmarkQuestion(name="Q3", document="{ posts { id title body user { id name email } } }", upstream_calls=2)
Q4 = BenchmarkQuestion(
    name="Q4",
    document=(
        "query Mine($id: ID!) { account(id: $id) { id name balance } "
        "orders(id: $id) { id item total } messages(id: $id) { id subject unread } }"
    ),
    upstream_calls=3,
    needs_token=True,
)
QUESTIONS = (Q1, Q2, Q3, Q4)


def build_expected_answer(question: BenchmarkQuestion, number: int = 1) -> dict[str, Any]:
    """The expected `data` for the caller with this number."""
    if question is Q1:
        return {"greet": "Hello World!"}
    if question is Q2:
        return {"posts": [{"title": post["title"]} for post in dataset.build_posts()]}
    if question is Q3:
        users = {user["id"]: _only(user, "id", "name", "email") for user in dataset.build_users()}
        return {
            "posts": [
                _only(post, "id", "title", "body") | {"user": users[post["userId"]]} for post in dataset.build_posts()
            ]
        }
    return {
        "account": _only(dataset.build_account(number), "id", "name", "balance"),
        "orders": [_only(each, "id", "item", "total") for each in dataset.build_orders(number)],
        "messages": [_only(each, "id", "subject", "unread") for each in dataset.build_messages(number)],
    }


def _only(each: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: each[name] for name in names}
