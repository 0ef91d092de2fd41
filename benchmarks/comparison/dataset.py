"""The constant data of the benchmarks: 100 posts, 10 users, and the data of 2,000 callers."""

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


def _draw_words(seed: int, count: int) -> str:
    return " ".join(_WORDS[(seed * 31 + step * (seed % 7 + 3)) % len(_WORDS)] for step in range(count))


def build_posts(count: int = POSTS, users_: int = USERS) -> list[dict[str, Any]]:
    """Posts with titles of about 40 characters and bodies of about 160."""
    return [
        {
            "userId": (n - 1) % users_ + 1,
            "id": n,
            "title": _draw_words(n, 6).capitalize(),
            "body": _draw_words(n + 1, 26),
        }
        for n in range(1, count + 1)
    ]


def build_users(count: int = USERS) -> list[dict[str, Any]]:
    """Users with more fields than requested, as agencies send them."""
    return [
        {
            "id": n,
            "name": f"{_draw_words(n, 1).capitalize()} {_draw_words(n + 3, 1).capitalize()}",
            "username": f"warga{n}",
            "email": f"warga{n}@example.id",
            "phone": f"021-555-{n:04}",
            "website": f"warga{n}.example.id",
        }
        for n in range(1, count + 1)
    ]


def build_caller_id(number: int) -> str:
    """The id of the caller with this number (from 1): 16 digits, like a NIK."""
    return f"317101{number:010}"


def build_account(number: int) -> dict[str, Any]:
    """The account of a caller."""
    return {"id": f"AC{number:06}", "name": f"Warga {number}", "balance": number * 7919 % 9_000_000, "kind": "tabungan"}


def build_orders(number: int) -> list[dict[str, Any]]:
    """The orders of a caller."""
    return [
        {"id": number * 100 + n, "item": _draw_words(number + n, 3), "total": (number + n) * 1500, "paid": n % 2 == 0}
        for n in range(_OWN_EACH)
    ]


def build_messages(number: int) -> list[dict[str, Any]]:
    """The messages of a caller."""
    return [
        {"id": number * 100 + n, "subject": _draw_words(number + 2 * n, 5), "unread": n % 3 == 0, "from": f"dinas{n}"}
        for n in range(_OWN_EACH)
    ]


def write_dataset(folder: Path) -> None:
    """Write the files that the upstream serves."""
    (folder / "posts").write_bytes(orjson.dumps(build_posts()))
    (folder / "users").write_bytes(orjson.dumps(build_users()))
    kinds: dict[str, Callable[[int], Any]] = {
        "accounts": build_account,
        "orders": build_orders,
        "messages": build_messages,
    }
    for kind, make in kinds.items():
        (folder / kind).mkdir()
        for number in range(1, CALLERS + 1):
            (folder / kind / build_caller_id(number)).write_bytes(orjson.dumps(make(number)))
