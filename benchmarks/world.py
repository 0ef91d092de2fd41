"""The data behind the benchmarks: 100 posts, 10 users, and what 2,000 callers have of their own. Always the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

POSTS = 100
USERS = 10
CALLERS = 2_000
_OWN_EACH = 10
_WORDS = (
    *("jalan", "air", "sungai", "pasar", "rumah", "taman", "sekolah", "lampu", "kota", "warga", "pagi"),
    *("hujan", "macet", "kereta", "bus", "sampah", "pohon", "jembatan", "kelurahan", "camat", "surat", "antre"),
    *("loket", "izin", "usaha", "pajak", "tanah", "kartu", "keluarga", "anak", "vaksin", "bidan", "dokter"),
)


def _words(seed: int, count: int) -> str:
    return " ".join(_WORDS[(seed * 31 + step * (seed % 7 + 3)) % len(_WORDS)] for step in range(count))


def posts(count: int = POSTS, users_: int = USERS) -> list[dict[str, Any]]:
    """Posts, with titles and bodies of a customary length (some 40 and 160 characters)."""
    return [
        {"userId": (n - 1) % users_ + 1, "id": n, "title": _words(n, 6).capitalize(), "body": _words(n + 1, 26)}
        for n in range(1, count + 1)
    ]


def users(count: int = USERS) -> list[dict[str, Any]]:
    """Users, with more than is asked for, as agencies send it."""
    return [
        {
            "id": n,
            "name": f"{_words(n, 1).capitalize()} {_words(n + 3, 1).capitalize()}",
            "username": f"warga{n}",
            "email": f"warga{n}@example.id",
            "phone": f"021-555-{n:04}",
            "website": f"warga{n}.example.id",
        }
        for n in range(1, count + 1)
    ]


def caller_id(number: int) -> str:
    """The id of the caller with this number from 1 on: 16 digits, as a NIK has."""
    return f"317101{number:010}"


def account(number: int) -> dict[str, Any]:
    """The account of a caller."""
    return {"id": f"AC{number:06}", "name": f"Warga {number}", "balance": number * 7919 % 9_000_000, "kind": "tabungan"}


def orders(number: int) -> list[dict[str, Any]]:
    """The orders of a caller."""
    return [
        {"id": number * 100 + n, "item": _words(number + n, 3), "total": (number + n) * 1500, "paid": n % 2 == 0}
        for n in range(_OWN_EACH)
    ]


def messages(number: int) -> list[dict[str, Any]]:
    """The messages of a caller."""
    return [
        {"id": number * 100 + n, "subject": _words(number + 2 * n, 5), "unread": n % 3 == 0, "from": f"dinas{n}"}
        for n in range(_OWN_EACH)
    ]


def write(folder: Path) -> None:
    """Write all of it as the files that the upstream serves."""
    (folder / "posts").write_bytes(orjson.dumps(posts()))
    (folder / "users").write_bytes(orjson.dumps(users()))
    kinds: dict[str, Callable[[int], Any]] = {"accounts": account, "orders": orders, "messages": messages}
    for kind, make in kinds.items():
        (folder / kind).mkdir()
        for number in range(1, CALLERS + 1):
            (folder / kind / caller_id(number)).write_bytes(orjson.dumps(make(number)))
