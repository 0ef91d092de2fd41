from time import process_time

import pytest

from web.graphql.media_types import MediaType, check_content_encoding, check_content_type, negotiate
from web.http_errors import HttpError, HttpErrorCode

NEW, JSON = MediaType.GRAPHQL_RESPONSE, MediaType.JSON


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ([], JSON),
        ([""], JSON),
        (["*/*"], JSON),
        (["application/*"], JSON),
        (["application/json"], JSON),
        (["application/graphql-response+json"], NEW),
        (["APPLICATION/GraphQL-Response+JSON"], NEW),
        (["application/graphql-response+json, application/json"], NEW),
        (["application/json, application/graphql-response+json"], JSON),
        (["application/json", "application/graphql-response+json"], JSON),
        (["application/graphql-response+json, application/json;q=0.9"], NEW),
        (["application/graphql-response+json;q=0.8, application/json;q=0.9"], JSON),
        (["*/*, application/graphql-response+json"], NEW),
        (["application/graphql-response+json;q=0.5, */*"], JSON),
        (["application/graphql-response+json;q=0, */*"], JSON),
        (["application/json;q=0, */*"], NEW),
        (["text/html, application/xhtml+xml, */*;q=0.8"], JSON),
        (["text/event-stream, application/json"], JSON),
        (["application/graphql-response+json; charset=utf-8"], NEW),
        (['application/json; charset="UTF-8"'], JSON),
        (["application/json; charset=latin1, application/graphql-response+json;q=0.1"], NEW),
        (["rubbish, application/json"], JSON),
        (["application/json;q=2, application/graphql-response+json;q=0.1"], NEW),
    ],
)
def test_chooses_the_media_type_that_the_client_prefers(accept: list[str], chosen: MediaType) -> None:
    assert negotiate(accept) is chosen


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/json;q=0",
        "*/*;q=0",
        "*/json",
        "application/json; charset=utf-16",
        "multipart/mixed",
        "json",
        "/",
        ";q=1",
        "," * 100_000,
        "text/html," * 100 + "application/json",
    ],
)
def test_refuses_a_client_that_accepts_neither_type(accept: str) -> None:
    with pytest.raises(HttpError) as refused:
        negotiate([accept])
    assert refused.value.code is HttpErrorCode.NOT_ACCEPTABLE
    assert "application/graphql-response+json or application/json" in refused.value.message


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF8"'],
)
def test_accepts_json_in_utf_8(content_type: str) -> None:
    check_content_type([content_type])


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        ([], "has no Content-Type"),
        ([""], "has no Content-Type"),
        (["application/json", "application/json"], "more than one Content-Type"),
        (["application/json, text/plain"], "is not a media type"),
        (["text/plain"], "Bodies of type 'text/plain' are not supported"),
        (["text/plain; application/json"], "is not a media type"),
        (["application/x-www-form-urlencoded"], "Bodies of type 'application/x-www-form-urlencoded' are not supported"),
        (["multipart/form-data; boundary=x"], "Bodies of type 'multipart/form-data' are not supported"),
        (["application/graphql"], "Bodies of type 'application/graphql' are not supported"),
        (["application/json; charset=utf-16"], "charset 'utf-16' is not supported"),
        (["application/json; charset=latin1"], "charset 'latin1' is not supported"),
        (["json"], "is not a media type"),
        (["application/json\x00"], "is not a media type"),
    ],
)
def test_refuses_other_media_types(content_type: list[str], says: str) -> None:
    with pytest.raises(HttpError, match=says) as refused:
        check_content_type(content_type)
    assert refused.value.code is HttpErrorCode.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("between", ["; ", ";", ";  ", " ;", " ; a=b", '; a="b"'])
def test_refusing_many_parameters_takes_no_exponential_time(between: str) -> None:
    began = process_time()
    with pytest.raises(HttpError, match="is not a media type"):
        check_content_type([f"application/json{between * 24}@"])
    assert process_time() - began < 5


@pytest.mark.parametrize("encoding", [[], [""], ["identity"], ["Identity"]])
def test_accepts_an_uncompressed_body(encoding: list[str]) -> None:
    check_content_encoding(encoding)


@pytest.mark.parametrize("encoding", [["gzip"], ["identity", "br"], ["gzip, gzip"], ["zstd"]])
def test_refuses_a_compressed_body_and_names_the_supported_encoding(encoding: list[str]) -> None:
    with pytest.raises(HttpError) as refused:
        check_content_encoding(encoding)
    assert (refused.value.code, refused.value.headers) == (
        HttpErrorCode.UNSUPPORTED_MEDIA_TYPE,
        {"Accept-Encoding": "identity"},
    )
