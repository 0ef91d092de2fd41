import contextlib
import json
import random
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.request import DocumentId, GraphQLRequest
from web.graphql.request_parsing import MAX_DEPTH, parse_body, parse_query_string
from web.http_errors import HttpError, HttpErrorCode


def variables(text: str) -> bytes:
    return b'{"query":"q","variables":{"a":' + text.encode() + b"}}"


def nested(depth: int) -> bytes:
    """A body whose brackets nest so deep, the outer two being the body and its variables."""
    return variables("[" * (depth - 2) + "]" * (depth - 2))


def test_parses_every_parameter() -> None:
    body = {"query": "query A { a }", "operationName": "A", "variables": {"n": 1}, "extensions": {"x": [True, None]}}
    assert parse_body(json.dumps(body).encode()) == GraphQLRequest(
        query="query A { a }", operation_name="A", variables={"n": 1}, extensions={"x": [True, None]}
    )


HASH = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"
APOLLO = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}


@pytest.mark.parametrize("name", ["documentId", "doc_id", "id"])
def test_parses_a_document_id_instead_of_a_text(name: str) -> None:
    expected = GraphQLRequest(query="", document_id=DocumentId("sha256:abc"), variables={"n": 1})
    assert parse_body(json.dumps({name: "sha256:abc", "variables": {"n": 1}}).encode()) == expected
    by_get = parse_query_string(f"{name}=sha256%3Aabc&variables=%7B%22n%22%3A1%7D".encode())
    assert by_get == GraphQLRequest(
        query="", document_id=DocumentId("sha256:abc"), variables={"n": 1}, queries_only=True
    )


@pytest.mark.parametrize("query", [None, "{ a }"])
def test_parses_apollos_hash_with_and_without_a_text(query: str | None) -> None:
    body = {"extensions": APOLLO} | ({} if query is None else {"query": query})
    assert parse_body(json.dumps(body).encode()) == GraphQLRequest(
        query=query or "", document_id=DocumentId(HASH, is_hash=True), extensions=APOLLO
    )


@pytest.mark.parametrize("name", ["doc_id", "id"])
def test_next_to_a_text_other_names_of_an_id_are_ignored(name: str) -> None:
    assert parse_body(json.dumps({"query": "q", name: "1"}).encode()) == GraphQLRequest(query="q")


def test_an_id_together_with_a_text_is_refused() -> None:
    for parse, text in ((parse_body, b'{"query":"q","documentId":"1"}'), (parse_query_string, b"query=q&documentId=1")):
        with pytest.raises(HttpError, match="both a document id and a 'query'") as refused:
            parse(text)
        assert refused.value.code is HttpErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"documentId": ""}, "'documentId' must be a string that is not empty."),
        ({"documentId": 5}, "'documentId' must be a string that is not empty."),
        ({"documentId": "x" * 257}, "'documentId' is longer than 256 characters; no document has such an id."),
        (
            {"documentId": "a", "id": "a"},
            "names its document more than once (documentId, id). Send 'documentId' alone.",
        ),
        ({"documentId": "a", "extensions": APOLLO}, "more than once ('extensions.persistedQuery' too)."),
        ({"extensions": {"persistedQuery": "a"}}, "'extensions.persistedQuery' must be an object, not a string."),
        ({"extensions": {"persistedQuery": {"version": 2}}}, "Only version 1 of 'extensions.persistedQuery' is known."),
        ({"extensions": {"persistedQuery": {"version": True}}}, "Only version 1 of"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "'extensions.persistedQuery.sha256Hash' must be a string"),
        ({"documentId": None}, "The parameter 'query' is missing."),
        ({"extensions": {"persistedQuery": None}}, "The parameter 'query' is missing."),
    ],
)
def test_refuses_an_invalid_id(body: dict[str, Any], says: str) -> None:
    with pytest.raises(HttpError) as refused:
        parse_body(json.dumps(body).encode())
    assert refused.value.code is HttpErrorCode.BAD_REQUEST
    assert says in refused.value.message


def test_null_counts_as_absent() -> None:
    body = b'{"query":"q","operationName":null,"variables":null,"extensions":null}'
    assert parse_body(body) == GraphQLRequest(query="q")


def test_ignores_unknown_members() -> None:
    assert parse_body(b' {"query":"q","id":[1,{"x":2}]}\n') == GraphQLRequest(query="q")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"null", "is not a JSON object"),
        (b"5", "is not a JSON object"),
        (b"true", "is not a JSON object"),
        (b'"x"', "is not a JSON object"),
        (b"[]", "Batches are not served"),
        (b"[1,2]", "Batches are not served"),
        (b' [{"query":"q"}]', "Batches are not served"),
        (b"[[{}]]", "Batches are not served"),
        (b'{"query":"q"', "is not JSON"),
        (b"{'query':'q'}", "is not JSON"),
        (b'{"query":"q"} {}', "trailing characters"),
        (b'{"query":"q",}', "is not JSON"),
        (b'{"query":"q\n"}', "is not JSON"),
        (b'{"query":"\xff"}', "is not UTF-8"),
        (b'{"\xff":1,"query":"q"}', "is not UTF-8"),
        (b'{"query":"q","other":"\xed\xa0\x80"}', "is not UTF-8"),
        (b"\xef\xbb\xbf" + b'{"query":"q"}', "byte order mark"),
        ('{"query":"q"}'.encode("utf-16"), "byte order mark"),
        ('{"query":"q"}'.encode("utf-16-be"), "is not JSON"),
        ('{"query":"q"}'.encode("utf-32-le"), "is not JSON"),
        (variables('"\\ud800x"'), "is not JSON"),
        (variables('"\\udc00"'), "is not JSON"),
        (variables("NaN"), "is not JSON"),
        (variables("-Infinity"), "is not JSON"),
        (variables("01"), "is not JSON"),
        (variables("1e999999"), "too large"),
        (variables("1" * 100_000), "too large"),
        (variables("-" + "9" * 5_000), "too large"),
        (nested(100_000), "nests deeper than 64 levels"),
        (nested(500), "nests deeper than 64 levels"),
        (nested(MAX_DEPTH + 1), "nests deeper than 64 levels"),
        (b"[" * 100_000, "Batches are not served"),
        (b'{"a":' * 100_000, "nests deeper than 64 levels"),
        (b'{"query":"q","query":"r"}', "has a member twice"),
        (b'{"query":"q","variables":{},"variables":null}', "has a member twice"),
        (b"{}", "'query' is missing"),
        (b'{"query":null}', "'query' is missing"),
        (b'{"qeury":"q"}', "'query' is missing"),
        (b'{"query":5}', "'query' must be a string, not a number"),
        (b'{"query":["q"]}', "'query' must be a string, not a list"),
        (b'{"query":false}', "'query' must be a string, not a boolean"),
        (b'{"query":{}}', "'query' must be a string, not an object"),
        (b'{"query":"q","operationName":0}', "'operationName' must be a string, not a number"),
        (b'{"query":"q","operationName":false}', "'operationName' must be a string, not a boolean"),
        (b'{"query":"q","variables":"x"}', "'variables' must be an object, not a string"),
        (b'{"query":"q","variables":[]}', "'variables' must be an object, not a list"),
        (b'{"query":"q","variables":0}', "'variables' must be an object, not a number"),
        (b'{"query":"q","extensions":1.5}', "'extensions' must be an object, not a number"),
    ],
)
def test_refuses_an_invalid_body_with_the_reason(body: bytes, says: str) -> None:
    with pytest.raises(HttpError, match=says) as refused:
        parse_body(body)
    assert refused.value.code is HttpErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    "text",
    [
        "\\ud800",
        "\\udc00",
        "a\\uDBFFb",
        "\\ud800\\n",
        "\\ud800 \\udc00",
        "\\ud83d\\ude00\\ude00",
        "\\ud800\\ud83d\\ude00",
    ],
)
def test_a_lone_surrogate_is_named_in_the_error(text: str) -> None:
    with pytest.raises(HttpError) as refused:
        parse_body(variables(f'"{text}"'))
    assert refused.value.message == (
        "The request body is not JSON: it holds half of a surrogate pair (\\uD800 to \\uDFFF), which is not a"
        " character. Send the character itself, or both halves."
    )


@pytest.mark.parametrize("text", ["\\ud83d\\ude00", "\\\\ud800", "\\u0041\\n"])
def test_other_errors_do_not_mention_surrogates(text: str) -> None:
    with pytest.raises(HttpError, match="is not JSON: ") as refused:
        parse_body(variables(f'"{text}", nonsense'))
    assert "surrogate" not in refused.value.message


def test_errors_do_not_quote_the_body() -> None:
    with pytest.raises(HttpError) as refused:
        parse_body(b'{"query":"q","variables":{"nik":"3171014506900001"},"operationName":3171014506900001}')
    assert "3171014506900001" not in refused.value.message


def test_accepts_nesting_up_to_the_limit() -> None:
    assert parse_body(nested(MAX_DEPTH)).variables is not None


def test_brackets_in_a_document_do_not_count_as_nesting() -> None:
    query = "{" * 500 + "}" * 500
    assert parse_body(json.dumps({"query": query}).encode()).query == query


def test_keeps_integers_beyond_64_bits_exact() -> None:
    assert parse_body(variables("123456789012345678901234567890")).variables == {"a": 123456789012345678901234567890}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    # Lone surrogates have no UTF-8.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_passes_on_any_json_variable_unchanged(value: Any) -> None:  # noqa: ANN401 - any JSON
    body = json.dumps({"query": "q", "variables": {"a": value}}, ensure_ascii=False).encode()
    assert parse_body(body).variables == {"a": value}


@given(st.binary(max_size=200))
def test_answers_any_bytes_with_a_request_or_a_refusal(body: bytes) -> None:
    for parse in (parse_body, parse_query_string):
        with contextlib.suppress(HttpError):
            assert isinstance(parse(body), GraphQLRequest)


@pytest.mark.parametrize(
    "value",
    [
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":[{"b":1},{"b":1,"c":":","b":2}]}',
        '{"a":1,"a" :2}',
        '{"a":1,"a"\t:2,"b":":x"}',
        '{"a":1,"\\u0061":2}',
        '{"a":"\\":","a":2}',
        '{"a" : 1,\n"a" : 2}',
        '{"":1,"":2}',
        '{"a":[[[{"b":{"c":{"d":1,"d":{}}}}]]]}',
    ],
)
@pytest.mark.parametrize("name", ["variables", "extensions", "others"])
def test_refuses_duplicate_members_at_any_depth(name: str, value: str) -> None:
    with pytest.raises(HttpError, match="a member twice") as refused:
        parse_body(f'{{"query":"q","{name}":{value}}}'.encode())
    assert refused.value.code is HttpErrorCode.BAD_REQUEST
    if name != "others":
        with pytest.raises(HttpError, match="a member twice"):
            parse_query_string(urlencode({"query": "q", name: value}).encode())


@pytest.mark.parametrize(
    "value",
    [
        '{"a":{"b":1},"c":{"b":1}}',
        '{"a":[{"b":1},{"b":2}]}',
        '{"a":":","b":"\\":","c":"x \\" : y"}',
        '{"a" : {"b":":"} , "c" :[]}',
        '{"\\"a":1,"a\\"":2,"a":3}',
    ],
)
def test_accepts_equal_names_in_different_objects_and_texts_that_look_like_members(value: str) -> None:
    assert parse_body(f'{{"query":"q","variables":{value}}}'.encode()).variables == json.loads(value)


@given(json_values, st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")]))
def test_accepts_any_json_without_duplicates_in_any_format(value: Any, separators: tuple[str, str]) -> None:  # noqa: ANN401 - any JSON
    body = json.dumps({"query": '{ a(b: "c:") }', "variables": {"a": value}}, separators=separators).encode()
    assert parse_body(body).variables == {"a": value}


@given(json_values, st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")]), st.randoms())
def test_finds_the_duplicate_of_any_member(value: Any, separators: tuple[str, str], chance: random.Random) -> None:  # noqa: ANN401 - any JSON
    """Every object has its members doubled in one text, at random one of them; it is found wherever it is."""
    text = json.dumps({"query": "q", "variables": {"a": value, "b": {"x": 1}}}, separators=separators)
    mark = json.dumps({"x": 1}, separators=separators)
    twin = mark[:-1] + separators[0] + mark[1:]
    at = chance.choice([found.start() for found in re.finditer(re.escape(mark), text)])
    with pytest.raises(HttpError, match="member twice"):
        parse_body((text[:at] + twin + text[at + len(mark) :]).encode())


def test_a_query_string_is_for_queries_only() -> None:
    query_string = b"query=query+A%20%7Ba%7D&operationName=A&variables=%7B%22n%22%3A1%7D&extensions=%7B%7D&other=1"
    assert parse_query_string(query_string) == GraphQLRequest(
        query="query A {a}", operation_name="A", variables={"n": 1}, extensions={}, queries_only=True
    )


def test_empty_parameters_of_a_query_string_count_as_absent() -> None:
    assert parse_query_string(b"query=q&operationName=&variables=&extensions=null") == GraphQLRequest(
        query="q", queries_only=True
    )


@pytest.mark.parametrize(
    ("query_string", "says"),
    [
        (b"", "'query' is missing"),
        (b"query=", "'query' is missing"),
        (b"query=q&query=r", "'query' comes twice"),
        (b"query=q&variables={}&variables={}", "'variables' comes twice"),
        (b"query=%ff", "not UTF-8"),
        (b"query=q\xff", "not UTF-8"),
        (b"query=q&variables=x", "'variables' is not JSON"),
        (b"query=q&variables=5", "'variables' is not a JSON object"),
        (b"query=q&variables=[1]", "'variables' is a list"),
        (b'query=q&variables={"a":NaN}', "'variables' is not JSON"),
        (b'query=q&variables={"a":' + b"[" * 500 + b"]" * 500 + b"}", "'variables' nests deeper"),
        (b"query=q&extensions=%22x%22", "'extensions' is not a JSON object"),
        (b"a=1&" * 1000 + b"query=q", "more than 20 parameters"),
    ],
)
def test_refuses_an_invalid_query_string_with_the_reason(query_string: bytes, says: str) -> None:
    with pytest.raises(HttpError, match=says) as refused:
        parse_query_string(query_string)
    assert refused.value.code is HttpErrorCode.BAD_REQUEST
