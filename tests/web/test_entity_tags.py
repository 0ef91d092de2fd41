"""Entity tags: the same for the same bytes, and for nobody else to guess from."""

from __future__ import annotations

import re
from hashlib import blake2b

import pytest

from web.entity_tags import EntityTags, is_known
from web.media_types import MediaType

TAGS = EntityTags(b"s" * 32)
BODY = b'{"data":{"me":{"name":"Siti"}}}'
ONE = TAGS.of(BODY, MediaType.JSON)


def test_a_tag_is_strong_and_the_same_in_every_process_of_the_hub() -> None:
    assert re.fullmatch(r'"[0-9a-f]{32}"', ONE)
    assert EntityTags(b"s" * 32).of(BODY, MediaType.JSON) == ONE


def test_another_body_another_media_type_and_another_hub_have_other_tags() -> None:
    others = {
        TAGS.of(BODY + b" ", MediaType.JSON),
        TAGS.of(BODY, MediaType.GRAPHQL_RESPONSE),
        EntityTags(b"t" * 32).of(BODY, MediaType.JSON),
    }
    assert len(others - {ONE}) == 3


def test_two_people_who_are_told_the_same_have_other_tags() -> None:
    tags = {TAGS.of(BODY, MediaType.JSON, whose=each) for each in ("", "3171014506909001", "3171014506909002")}
    assert len(tags) == 3
    assert not any("3171014506909001" in each for each in tags)


def test_nobody_can_find_out_by_trying_what_a_body_said() -> None:
    assert blake2b(BODY, digest_size=16).hexdigest() not in ONE
    assert "s" * 32 not in repr(TAGS)


@pytest.mark.parametrize(
    "values",
    [[ONE], [f"W/{ONE}"], [f'"a", {ONE}'], ['"a"', f' W/"b" ,{ONE}'], ["*"], [" * "], [f'"a"{ONE}']],
)
def test_knows_who_has_it(values: list[str]) -> None:
    assert is_known(ONE, values)


@pytest.mark.parametrize("values", [[], [""], ['"a"'], [ONE.strip('"')], [f'"{ONE}"'], ["**"], ['"'], [ONE.upper()]])
def test_and_who_has_not(values: list[str]) -> None:
    assert not is_known(ONE, values)
