"""Bodies of forms: what a parser of another maker reads is what was put in, and equal forms have equal bytes."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from multipart import (  # type: ignore[import-untyped]  # typed, but not marked so
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from connectors.drivers.http.form_files import FormFile, encode_form, encode_pairs

PHOTO = FormFile("media", "TT-1-1.jpg", "image/jpeg", bytes(range(256)) * 10)


def parse(body: bytes, content_type: str) -> list[tuple[str, str | None, str | None, bytes]]:
    _, options = parse_options_header(content_type)
    found: list[tuple[str, str | None, str | None, bytes]] = []
    with PushMultipartParser(options["boundary"], strict=True) as parser:
        segment, content = None, b""
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                segment, content = event, b""
            elif event is not None:
                content += event
            elif segment is not None:
                found.append((segment.name, segment.filename, segment.header("Content-Type"), content))
    return found


def test_fields_and_files_arrive_in_their_order() -> None:
    fields = [
        ("description", "Lampu \N{ELECTRIC LIGHT BULB} mati\r\n--simpul"),
        ("media_text", "a"),
        ("media_text", "b"),
    ]
    assert parse(*encode_form(fields, [PHOTO, PHOTO])) == [
        *((name, None, None, value.encode()) for name, value in fields),
        *[("media", "TT-1-1.jpg", "image/jpeg", PHOTO.content)] * 2,
    ]


def test_names_cannot_end_a_header() -> None:
    body, content_type = encode_form([('a"\r\nX-Bad: 1', "value")], [])
    assert b"\r\nX-Bad" not in body
    [(name, _, _, value)] = parse(body, content_type)  # the parser unescapes as browsers escape
    assert (name, value) == ('a"\r\nX-Bad: 1', b"value")


def test_equal_forms_have_equal_bytes_and_other_forms_another_boundary() -> None:
    first = encode_form([("a", "1")], [PHOTO])
    assert encode_form([("a", "1")], [PHOTO]) == first
    assert encode_form([("a", "2")], [PHOTO])[1] != first[1]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("reporter", "3171015708900001"), ("page", "1")],
        [("~a-b_c.d", "")],
        [("niks", "1,2")],
        [("a=b", "c"), ("a", "b&c=d")],
        [("note", "é %41+\r\n")],
        [("n", "\N{ARABIC-INDIC DIGIT ONE}")],
    ],
    ids=["none", "plain", "unreserved", "comma", "separators", "escapes", "letters beyond ASCII"],
)
def test_a_form_without_files_is_encoded_like_a_query(fields: list[tuple[str, str]]) -> None:
    body = encode_pairs(fields)
    assert body == urlencode(fields).encode()
    assert parse_qsl(body.decode(), keep_blank_values=True) == fields
