"""Parses request bodies and query strings to a `GraphQLRequest` (GraphQL over HTTP, section 5 "Request").

No input or output. Strict: a malformed request is refused with the reason and the fix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from engine.request import DocumentId, GraphQLRequest
from web.http_errors import HttpError, HttpErrorCode

MAX_DEPTH = 64
"""Maximum nesting of `variables` and `extensions`. Input types of a schema nest a few levels."""
_MAX_PARAMETERS = 20
"""Maximum number of parameters in a query string; seven are used."""
_ID_PARAMETERS = ("documentId", "doc_id", "id")
"""Names of the document id: that of GraphQL over HTTP (Appendix A, "Persisted Documents"), and those of Relay's network
layers."""
_PARAMETERS = frozenset({"query", "operationName", "variables", "extensions", *_ID_PARAMETERS})
_PARAMETERS_WITHOUT_ID = frozenset({"query", "operationName", "variables"})
_MAX_ID_LENGTH = 256
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)')
"""A string of a JSON text, and the colon after it, if any."""
_SPACE_AFTER_STRING = re.compile(rb'"[ \t\r\n]')
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_HIGH_SURROGATES, _LOW_SURROGATES = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
"""Escapes that are a character only as a pair (RFC 8259, section 7)."""
_EXAMPLE = 'Send an object such as {"query": "{ __typename }"}.'


@cache
def _decoder() -> msgspec.json.Decoder[dict[str, Any]]:
    return msgspec.json.Decoder(dict[str, Any])


def parse_body(body: bytes, what: str = "The request body") -> GraphQLRequest:
    """Parse the body of a POST (section 5.4); `what` names it in errors.

    Raises:
        HttpError: BAD_REQUEST.

    """
    return _build_request(decode_object(body, what), queries_only=False)


def parse_query_string(query_string: bytes) -> GraphQLRequest:
    """Parse the query string of a GET (section 5.3), for queries only: `variables` and `extensions` are JSON texts.

    Raises:
        HttpError: BAD_REQUEST.

    """
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except UnicodeDecodeError as error:
        raise _build_bad_request("The query string is not UTF-8 in percent-encoding. Encode each parameter.") from error
    except ValueError as error:
        raise _build_bad_request(f"The query string has more than {_MAX_PARAMETERS} parameters.") from error
    parameters: dict[str, Any] = {}
    for name, text in pairs:
        if name not in _PARAMETERS:
            continue
        if name in parameters:
            raise _build_bad_request(f"The parameter '{name}' comes twice. Send it once.")
        parameters[name] = text
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _parse_json_parameter(name, parameters[name])
    # In a query string, an empty parameter counts as absent.
    parameters["operationName"] = parameters.get("operationName") or None
    parameters["query"] = parameters.get("query") or None
    for name in _ID_PARAMETERS:
        if parameters.get(name) == "":
            del parameters[name]
    return _build_request(parameters, queries_only=True)


def _parse_json_parameter(name: str, text: str) -> dict[str, Any] | None:
    if text.strip() in {"", "null"}:
        return None
    return decode_object(text.encode(), f"The parameter '{name}'")


def _build_request(parameters: Mapping[str, Any], *, queries_only: bool) -> GraphQLRequest:
    """Check the parameters (section 5.1): `query` is a string, the others may be null or absent."""
    query = parameters.get("query")
    # Fast path: most requests have a text, and neither an id nor extensions.
    document_id = None if _PARAMETERS_WITHOUT_ID.issuperset(parameters) else _find_document_id(parameters)
    if document_id is not None:
        if query is None:
            query = ""
        elif query and not document_id.is_hash:  # Apollo's clients send a text with its hash to register it
            raise _build_bad_request("The request has both a document id and a 'query'. Send one of them.")
    if query is None:
        raise _build_bad_request(f"The parameter 'query' is missing. {_EXAMPLE} To explore the graph, open /graphiql.")
    if not isinstance(query, str):
        raise _build_bad_request(f"The parameter 'query' must be a string, not {_describe_json_kind(query)}.")
    operation_name = parameters.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise _build_bad_request(
            f"The parameter 'operationName' must be a string, not {_describe_json_kind(operation_name)}."
        )
    for name in ("variables", "extensions"):
        value = parameters.get(name)
        if value is not None and not isinstance(value, dict):
            raise _build_bad_request(f"The parameter '{name}' must be an object, not {_describe_json_kind(value)}.")
    return GraphQLRequest(
        query=query,
        operation_name=operation_name,
        variables=parameters.get("variables"),
        extensions=parameters.get("extensions"),
        document_id=document_id,
        queries_only=queries_only,
    )


def _find_document_id(parameters: Mapping[str, Any]) -> DocumentId | None:
    """The document id, by any of its names; None if the request has only a text."""
    extensions = parameters.get("extensions")
    if isinstance(extensions, dict) and extensions.get("persistedQuery") is not None:
        return _parse_apollo_id(extensions["persistedQuery"], parameters)
    value = parameters.get("documentId")
    if parameters.get("query") is not None:
        # Next to a text, 'id' and 'doc_id' are ignored, as unknown members are.
        return None if value is None else DocumentId(_check_id_text("documentId", value))
    if value is not None and parameters.get("doc_id") is None and parameters.get("id") is None:
        return DocumentId(_check_id_text("documentId", value))
    ids = {name: parameters[name] for name in _ID_PARAMETERS if parameters.get(name) is not None}
    if not ids:
        return None
    if len(ids) > 1:
        raise _build_bad_request(
            f"The request names its document more than once ({', '.join(ids)}). Send 'documentId' alone."
        )
    ((name, value),) = ids.items()
    return DocumentId(_check_id_text(name, value))


def _parse_apollo_id(extension: object, parameters: Mapping[str, Any]) -> DocumentId:
    """`{"version": 1, "sha256Hash": "..."}` (Apollo, "Automatic persisted queries")."""
    name = "extensions.persistedQuery"
    if not isinstance(extension, dict):
        raise _build_bad_request(f"The member '{name}' must be an object, not {_describe_json_kind(extension)}.")
    if extension.get("version") != 1 or isinstance(extension.get("version"), bool):
        raise _build_bad_request(f'Only version 1 of \'{name}\' is known. Send {{"version": 1, "sha256Hash": "..."}}.')
    if parameters.get("documentId") is not None:
        raise _build_bad_request(f"The request names its document more than once ('{name}' too). Send one of them.")
    return DocumentId(_check_id_text(f"{name}.sha256Hash", extension.get("sha256Hash")), is_hash=True)


def _check_id_text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _build_bad_request(f"'{name}' must be a string that is not empty.")
    if len(value) > _MAX_ID_LENGTH:
        raise _build_bad_request(f"'{name}' is longer than {_MAX_ID_LENGTH} characters; no document has such an id.")
    return value


def decode_object(text: bytes, what: str) -> dict[str, Any]:
    """The members of a JSON object, in strict JSON (RFC 8259) and in UTF-8. Raises `HttpError` BAD_REQUEST."""
    if not text.strip(b" \t\r\n"):
        raise _build_bad_request(f"{what} is empty. {_EXAMPLE}")
    if text.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _build_bad_request(
            f"{what} starts with a byte order mark. Send JSON in UTF-8 without one (RFC 8259, section 8.1)."
        )
    try:
        members = _decoder().decode(text)
    except UnicodeDecodeError as error:
        raise _build_bad_request(f"{what} is not UTF-8. Send JSON in UTF-8 (RFC 8259, section 8.1).") from error
    except RecursionError as error:
        raise _build_too_deep_error(what) from error
    except msgspec.ValidationError as error:
        raise _build_not_an_object_error(text, what) from error
    except msgspec.DecodeError as error:
        if _has_lone_surrogate(text):
            raise _build_bad_request(
                f"{what} is not JSON: it holds half of a surrogate pair (\\uD800 to \\uDFFF), which is not a character."
                " Send the character itself, or both halves."
            ) from error
        raise _build_bad_request(f"{what} is not JSON: {error}") from error
    # Each level of nesting opens a bracket, so most requests need no walk.
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _depth_exceeds(members, MAX_DEPTH):
        raise _build_too_deep_error(what)
    # Fast path for JSON without spaces after strings, as most clients write it: the count of `":` includes each member.
    # If as many are in the outermost object alone, no other object has any.
    counted = text.count(b'":')
    is_plain = _SPACE_AFTER_STRING.search(text) is None
    if not (is_plain and (counted == len(members) or counted == _count_members([members]))):
        _refuse_duplicate_members(members, text, what)
    return members


def _refuse_duplicate_members(members: dict[str, Any], text: bytes, what: str) -> None:
    """Refuse duplicate members at any depth: the decoder keeps the last one, other programs the first.

    A text has as many members as strings with a colon after them. If fewer were decoded, some were duplicates.
    """
    decoded = _count_members([members])
    if _STRINGS.findall(text).count(b":") != decoded:
        raise _build_bad_request(f"{what} has a member twice, such as 'query' or a variable. Send each member once.")


def _count_members(level: list[Any]) -> int:
    """The number of members at any depth. Compares exact types, as the decoder builds them: it takes half the time."""
    count = 0
    while level:
        below: list[Any] = []
        for each in level:
            children = each
            if type(each) is dict:
                count += len(each)
                children = each.values()
            below += [child for child in children if type(child) is dict or type(child) is list]
        level = below
    return count


def _depth_exceeds(members: Mapping[str, Any], limit: int) -> bool:
    """Whether containers nest deeper than the limit. Walks level by level, without recursion."""
    level: list[Any] = [members]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _has_lone_surrogate(text: bytes) -> bool:
    """Whether an escape is half of a surrogate pair; for some, msgspec reports a truncated input."""
    low_surrogate_due: int | None = None
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1] or b"0", 16)
        first, second = code in _HIGH_SURROGATES, code in _LOW_SURROGATES
        if (second and escape.start() != low_surrogate_due) or (low_surrogate_due is not None and not second):
            return True
        low_surrogate_due = escape.end() if first else None
    return low_surrogate_due is not None


def _build_not_an_object_error(text: bytes, what: str) -> HttpError:
    match text.lstrip(b" \t\r\n")[:1]:
        case b"{":
            return _build_bad_request(
                f"{what} holds a number that is too large to be read. Send such numbers as strings."
            )
        case b"[":
            return _build_bad_request(
                f"{what} is a list. Batches are not served: send one operation a request. {_EXAMPLE}"
            )
        case _:
            return _build_bad_request(f"{what} is not a JSON object. {_EXAMPLE}")


def _build_too_deep_error(what: str) -> HttpError:
    return _build_bad_request(f"{what} nests deeper than {MAX_DEPTH} levels. Flatten its variables.")


def _build_bad_request(message: str) -> HttpError:
    return HttpError(HttpErrorCode.BAD_REQUEST, message)


def _describe_json_kind(value: object) -> str:
    """The JSON name of the type of a decoded value."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
