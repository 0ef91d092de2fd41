"""The parser agrees with a slow one, made of the standard library's functions, on sound and on hostile tokens."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auth.tokens.authentication_errors import Unauthenticated
from auth.tokens.strict_json import parse_json_object
from auth.tokens.token_parser import parse_token

_HEADERS = (
    '{"alg":"ES256","kid":"key-1"}',
    '{"alg":"ES256","typ":"application/AT+JWT"}',
    '{"alg":"ES256","crit":["exp"]}',
    '{"alg":5}',
    '{"alg":"ES256","kid":""}',
    '{"alg":"ES256","alg":"none"}',
    "[]",
)
_CLAIMS = (
    '{"iss":"city","sub":"siti","exp":1796071487}',
    '{"iss":"city","iss":"city"}',
    '{"iss":{"a":1,"a":1}}',
    '{"iss":NaN}',
    '{"iss":[[[[[]]]]]}',
    '{"iss":[[[[[[]]]]]]}',
    '{"iss":"[[[[[[[[{{{{"}',
    '\ufeff{"iss":"city"}',
    ' {"iss":"\\ud800"} ',
    '{"iss":1} x',
    '{"iss":123456789012345678901234567890}',
    "null",
)
_LETTERS = "ABCQgwxyz0189-_+/=.! \n\u00e9\ud800\uff21"


def encode_part(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def parse_slowly(text: str) -> tuple[Any, ...]:
    """The parts of a token, by the former parser."""
    parts = text.split(".")
    if len(parts) != 3 or not all(re.fullmatch(r"[A-Za-z0-9_-]+", part, re.ASCII) for part in parts):
        return ("malformed_token",)
    try:
        header = parse_json_slowly(decode_slowly(parts[0]), 6)
        reason = judge_header_slowly(header)
        if reason is not None:
            return (reason,)
        claims, signature = parse_json_slowly(decode_slowly(parts[1]), 6), decode_slowly(parts[2])
    except ValueError:
        return ("malformed_token",)
    kind = header.get("typ", "jwt").lower().removeprefix("application/")
    return header["alg"], header.get("kid"), kind, claims, signature, text.rpartition(".")[0].encode("ascii")


def judge_header_slowly(header: dict[str, Any]) -> str | None:
    if not {"alg", "kid", "typ", "x5t", "x5t#S256"}.issuperset(header):
        return "unsupported_header"
    if not isinstance(header.get("alg"), str):
        return "unsupported_algorithm"
    return "invalid_key_id" if "kid" in header and not header["kid"] else None


def decode_slowly(part: str) -> bytes:
    decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if encode_part(decoded) != part:
        raise ValueError
    return decoded


def parse_json_slowly(text: bytes, max_depth: int) -> dict[str, Any]:
    if text.count(b"{") + text.count(b"[") > 200:
        raise ValueError
    found = json.loads(text.decode("utf-8"), object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant)
    if not isinstance(found, dict) or _measure_depth(found) > max_depth:
        raise ValueError
    return found


def _reject_duplicates(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in members}) != len(members):
        raise ValueError
    return dict(members)


def _reject_constant(_name: str) -> float:
    raise ValueError


def _measure_depth(value: object) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(_measure_depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def parse(text: str) -> tuple[Any, ...]:
    try:
        token = parse_token(text)
    except Unauthenticated as refusal:
        [reason] = re.findall(r"The token was refused \((\w+)\)\. Sign in again for a new one\.", str(refusal))
        return (reason,)
    assert token.text == text
    return token.algorithm, token.kid, token.type, token.claims, token.signature, token.signed_part


TOKENS = st.builds(
    lambda header, claims, signature: ".".join(
        encode_part(each) for each in (header.encode(), claims.encode("utf-8", "surrogatepass"), signature)
    ),
    st.sampled_from(_HEADERS),
    st.sampled_from(_CLAIMS),
    st.binary(max_size=70),
)


@settings(derandomize=True, max_examples=1000)
@given(TOKENS, st.lists(st.tuples(st.integers(0, 400), st.sampled_from([*_LETTERS, ""])), max_size=3))
def test_the_parser_agrees_with_a_slow_one_on_changed_tokens(text: str, changes: list[tuple[int, str]]) -> None:
    for position, letter in changes:
        at = position % (len(text) + 1)
        text = text[:at] + letter + text[at + position % 2 :]
    assert parse(text) == parse_slowly(text)


@settings(derandomize=True, max_examples=1000)
@given(st.sampled_from(_HEADERS), st.text(_LETTERS, max_size=8), st.text(_LETTERS, max_size=8))
@example(_HEADERS[0], "eyJhIjoxfQ", "AB")
@example(_HEADERS[0], "eyJhIjoxfR", "AA")
@example(_HEADERS[0], "eyJhIjoxfQ", "")
@example(_HEADERS[0], "eyJhIjoxfQ", "A")
@example(_HEADERS[0], "eyJhIjoxfQ==", "AA")
@example(_HEADERS[0], "eyJhIjoxfQ", "-_-_")
@example(_HEADERS[0], "eyJhIjoxfQ", "+/+/")
@example(_HEADERS[2], "!", "AA")
@example(_HEADERS[2], "e30", "AB")
def test_the_parser_agrees_with_a_slow_one_on_any_spelling(header: str, claims: str, signature: str) -> None:
    text = f"{encode_part(header.encode())}.{claims}.{signature}"
    assert parse(text) == parse_slowly(text)


@settings(derandomize=True, max_examples=500)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda each: st.lists(each, max_size=4) | st.dictionaries(st.sampled_from("abc[{"), each, max_size=3),
        max_leaves=12,
    ),
    st.integers(1, 6),
)
def test_documents_are_parsed_within_their_depth(value: object, max_depth: int) -> None:
    text = json.dumps(value).encode()
    try:
        expected: object = parse_json_slowly(text, max_depth)
    except ValueError:
        with pytest.raises(ValueError, match=r"not an object|nested too deeply"):
            parse_json_object(text, max_depth=max_depth, max_brackets=200)
    else:
        assert parse_json_object(text, max_depth=max_depth, max_brackets=200) == expected
