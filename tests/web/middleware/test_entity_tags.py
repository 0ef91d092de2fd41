"""Entity tags: equal for equal bytes, and impossible to compute without the key."""

from __future__ import annotations

import re
from hashlib import blake2b

import pytest

from web.graphql.media_types import MediaType
from web.middleware.entity_tags import EntityTags, matches_entity_tag

TAGS = EntityTags(b"s" * 32)
BODY = b'{"data":{"me":{"name":"Siti"}}}'
ONE = TAGS.make_tag(BODY, MediaType.JSON)


def test_a_tag_is_strong_and_the_same_in_every_process_of_the_hub() -> None:
    assert re.fullmatch(r'"[0-9a-f]{32}"', ONE)
    assert EntityTags(b"s" * 32).make_tag(BODY, MediaType.JSON) == ONE


def test_another_body_another_media_type_and_another_hub_have_other_tags() -> None:
    others = {
        TAGS.make_tag(BODY + b" ", MediaType.JSON),
        TAGS.make_tag(BODY, MediaType.GRAPHQL_RESPONSE),
        EntityTags(b"t" * 32).make_tag(BODY, MediaType.JSON),
    }
    assert len(others - {ONE}) == 3


def test_equal_answers_of_two_people_have_different_tags() -> None:
    tags = {TAGS.make_tag(BODY, MediaType.JSON, owner=each) for each in ("", "3171014506909001", "3171014506909002")}
    assert len(tags) == 3
    assert not any("3171014506909001" in each for each in tags)


def test_a_tag_is_no_plain_digest_of_the_body() -> None:
    assert blake2b(BODY, digest_size=16).hexdigest() not in ONE
    assert "s" * 32 not in repr(TAGS)


@pytest.mark.parametrize(
    "values",
    [[ONE], [f"W/{ONE}"], [f'"a", {ONE}'], ['"a"', f' W/"b" ,{ONE}'], ["*"], [" * "], [f'"a"{ONE}']],
)
def test_matches_the_tag_in_every_form(values: list[str]) -> None:
    assert matches_entity_tag(ONE, values)


@pytest.mark.parametrize("values", [[], [""], ['"a"'], [ONE.strip('"')], [f'"{ONE}"'], ["**"], ['"'], [ONE.upper()]])
def test_does_not_match_other_values(values: list[str]) -> None:
    assert not matches_entity_tag(ONE, values)
