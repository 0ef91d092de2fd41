"""Photos of requests: links to the same server alone, and files that are photos alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.declared.open311.tables import Open311Wire
from records.complaint_photos import MAX_SOURCE_LENGTH
from tests.connectors.city_agencies import load_manifest
from tests.connectors.declared.open311.photo_links import SERVER, build_photo_links


def find(request: Mapping[str, Any], *, media: str | None = "media") -> list[tuple[Any, ...]]:
    wire = load_manifest("crm").wire
    assert isinstance(wire, Open311Wire)
    extensions = wire.extensions.model_copy(update={"media": media})
    links = build_photo_links(wire.model_copy(update={"extensions": extensions}))
    return [tuple(each) for each in links.find(request)]


def listed(*rows: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
    return {"media_url": "/other.jpg", "extended_attributes": {"media": list(rows)}}


def test_photos_of_the_extension_come_with_text_and_size() -> None:
    assert find(listed({"url": "/media/1.jpg", "text": "Lubang", "width": 800, "height": "600"}, {"url": "b.jpg"})) == [
        ("/media/1.jpg", "Lubang", 800, 600),
        ("b.jpg", None, None, None),
    ]


def test_without_the_extension_the_standards_address_is_the_only_photo() -> None:
    assert find({"media_url": f"{SERVER}/media/1.jpg"}, media=None) == [(f"{SERVER}/media/1.jpg", None, None, None)]
    assert find({"media_url": ""}, media=None) == []
    assert find({}, media=None) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/1.jpg",
        "http://crm.example/1.jpg",
        "https://crm.example:8443/1.jpg",
        "https://crm.example@other.example/1.jpg",
        "//other.example/1.jpg",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "",
        None,
        5.5,
        {"url": "/1.jpg"},
        "/" + "x" * MAX_SOURCE_LENGTH,
    ],
)
def test_a_link_that_is_not_the_servers_own_is_left_out(url: object) -> None:
    assert find(listed({"url": url, "text": "x", "width": 1, "height": 1})) == []


@pytest.mark.parametrize("media", ["no list", 5, [5], [None], {"a": 1}, None])
def test_a_list_in_another_form_is_no_photos(media: object) -> None:
    assert find({"extended_attributes": {"media": media}}) == []


def test_unreadable_texts_and_sizes_are_unknown() -> None:
    assert find(listed({"url": "/1.jpg", "text": ["x"], "width": "wide", "height": -1})) == [
        ("/1.jpg", None, None, None)
    ]


def test_a_long_list_is_cut() -> None:
    assert len(find(listed(*({"url": f"/{number}.jpg"} for number in range(30))))) == 20
