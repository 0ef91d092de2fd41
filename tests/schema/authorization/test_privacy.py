"""No identity number is in an id, a cursor or a message."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

from tests.fakes.small_records import AYU, BUDI, CARD, NOP, SITI
from tests.schema.requests import run_for_data

EVERYTHING = f"""{{
    citizens(niks: ["{SITI}", "{BUDI}"]) {{
        id household {{ members {{ citizen {{ id }} }} }}
        residence {{ region {{ id parent {{ id children {{ id }} }} }} }}
        taxObjects {{ id region {{ id }} }} msmes {{ id }} complaints {{ id }}
    }}
    complaints {{ edges {{ cursor node {{ id }} }} pageInfo {{ startCursor endCursor }} }}
    markets {{ id prices {{ commodity {{ id }} }} }}
}}"""
NUMBERS = (SITI, BUDI, AYU, CARD, NOP)


def opaque(value: Any, key: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every id and cursor of an answer."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from opaque(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from opaque(inner, key)
    elif value is not None and (key == "id" or key.lower().endswith("cursor")):
        yield value


async def test_no_identity_number_can_be_read_in_any_id_or_cursor() -> None:
    found = list(opaque(await run_for_data(EVERYTHING)))
    assert len(found) > 20
    for each in found:
        decoded = urlsafe_b64decode(each + "=" * (-len(each) % 4))
        for number in NUMBERS:
            assert number not in each
            assert number.encode() not in decoded
        assert not re.search(rb"\d{10}", decoded)


async def test_the_same_record_has_the_same_id_on_every_path() -> None:
    found = await run_for_data(
        f"""{{
            citizen(nik: "{SITI}") {{ id household {{ members {{ citizen {{ id }} }} }} }}
            citizens(niks: ["{SITI}"]) {{ id }}
            region(code: "31.71") {{ id children {{ parent {{ id }} }} }}
            regions(search: "") {{ code id }}
        }}"""
    )
    assert found["citizen"]["id"] == found["citizens"][0]["id"]
    assert found["citizen"]["id"] == found["citizen"]["household"]["members"][0]["citizen"]["id"]
    region = found["region"]["id"]
    assert region == found["region"]["children"][0]["parent"]["id"]
    assert region in [each["id"] for each in found["regions"] if each["code"] == "31.71"]
