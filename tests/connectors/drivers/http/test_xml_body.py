"""XML as values like those of JSON, up to the size that may be parsed in one turn."""

from __future__ import annotations

import pytest

from connectors.drivers.http.body_format import UnparsableBody
from connectors.drivers.http.xml_body import MAX_ELEMENTS, build_xml_format

XML = build_xml_format({"geo": "http://www.w3.org/2003/01/geo/wgs84_pos#"})


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("<a/>", {"a": None}),
        ("<a>x</a>", {"a": "x"}),
        ("<a><b>x</b><c/></a>", {"a": {"b": "x", "c": None}}),
        ("<a><b>x</b><c/><b>y</b><b/></a>", {"a": {"b": ["x", "y", None], "c": None}}),
        (
            '<a id="1"><b lang="id">x</b><b n=""/></a>',
            {"a": {"@id": "1", "b": [{"@lang": "id", "#text": "x"}, {"@n": "", "#text": None}]}},
        ),
        (
            '<a xmlns="http://x.id" xmlns:y="http://y.id"><y:b y:c="1">x</y:b></a>',
            {"a": {"b": {"@c": "1", "#text": "x"}}},
        ),
        (
            '<a xmlns:g="http://www.w3.org/2003/01/geo/wgs84_pos#"><g:lat>-6.1</g:lat><lat/></a>',
            {"a": {"geo:lat": "-6.1", "lat": None}},
        ),
        ("<a><!-- c --><?p i?>x&amp;<![CDATA[<b>]]></a>", {"a": "x&<b>"}),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>', {"a": "é"}),
    ],
)
def test_elements_are_objects_lists_and_texts(body: str, value: object) -> None:
    assert XML.parse(body.encode()) == value


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "windows-1252", "utf-16"])
def test_the_bytes_decide_about_the_charset(charset: str) -> None:
    assert XML.parse("<a>Jl. Kébon</a>".encode(charset)) == {"a": "Jl. Kébon"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"{}",
        b"<a/><b/>",
        b"<a>" * 300 + b"</a>" * 300,
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b"<a>&x;</a>",
    ],
    ids=["empty", "cut", "JSON", "two roots", "too deep", "a type definition", "an unknown entity"],
)
def test_what_is_no_xml_is_reported_without_its_content(body: bytes) -> None:
    with pytest.raises(UnparsableBody, match=r"^is not XML, or has a document type definition$"):
        XML.parse(body)


@pytest.mark.parametrize("unit", [b"<b/>", b"<b></b>", b'<b c="1"/>'])
def test_too_many_elements_or_attributes_are_not_parsed(unit: bytes) -> None:
    body = b"<a>" + unit * (2 * MAX_ELEMENTS) + b"</a>"
    with pytest.raises(UnparsableBody, match=r"^holds more than 20000 elements or attributes$"):
        XML.parse(body)
