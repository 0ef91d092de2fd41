import pytest

from web.http_errors import HttpError, HttpErrorCode
from web.middleware.csrf import check_forgery

TRUSTED = ("https://app.example.go.id",)


@pytest.mark.parametrize(
    ("who", "headers"),
    [
        ("a program", {}),
        ("the audits of graphql-http", {"accept": "*/*", "sec-fetch-mode": "cors", "user-agent": "node"}),
        ("the hub's own page", {"sec-fetch-site": "same-origin"}),
        ("a typed address", {"sec-fetch-site": "none"}),
        ("an old browser on the hub's own page", {"origin": "http://localhost:8000", "host": "localhost:8000"}),
        ("Apollo Client", {"sec-fetch-site": "cross-site", "x-apollo-operation-name": "Bills"}),
        ("Apollo Client with its newer header", {"sec-fetch-site": "cross-site", "apollo-require-preflight": "true"}),
        ("a client that asks first", {"sec-fetch-site": "cross-site", "graphql-require-preflight": "1"}),
        ("a client with a JSON type", {"sec-fetch-site": "cross-site", "content-type": "application/json; charset=x"}),
        ("a trusted origin", {"sec-fetch-site": "cross-site", "origin": "https://app.example.go.id"}),
    ],
)
def test_allows_a_get_that_no_foreign_page_can_cause(who: str, headers: dict[str, str]) -> None:
    check_forgery("GET", headers, TRUSTED)
    assert who


@pytest.mark.parametrize(
    ("what", "headers"),
    [
        ("an image tag", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "accept": "image/*"}),
        ("a page of a sister site", {"sec-fetch-site": "same-site"}),
        ("a script that sets Accept", {"sec-fetch-site": "cross-site", "accept": "application/json"}),
        ("a form", {"sec-fetch-site": "cross-site", "content-type": "application/x-www-form-urlencoded"}),
        ("a simple text type", {"sec-fetch-site": "cross-site", "content-type": "text/plain; application/json"}),
        ("an empty preflight header", {"sec-fetch-site": "cross-site", "x-apollo-operation-name": " "}),
        ("an unknown origin", {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}),
        ("an old browser's script", {"origin": "https://evil.example", "host": "localhost:8000"}),
        ("a sandboxed frame", {"origin": "null", "host": "localhost:8000"}),
        ("a broken origin and no host", {"origin": ""}),
        ("an origin that is no address", {"origin": "http://[", "host": "localhost:8000"}),
        ("a made-up site value", {"sec-fetch-site": "SAME-ORIGIN, cross-site"}),
    ],
)
def test_refuses_a_get_that_a_foreign_page_can_cause(what: str, headers: dict[str, str]) -> None:
    with pytest.raises(HttpError) as refused:
        check_forgery("GET", headers, TRUSTED)
    assert refused.value.code is HttpErrorCode.CSRF_PREVENTED, what
    assert "GraphQL-Require-Preflight" in refused.value.message


def test_allows_every_post_with_json_because_its_type_needs_a_preflight() -> None:
    check_forgery("POST", {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, ())


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data; boundary=x", "Multipart/Form-Data", " multipart/form-data "]
)
@pytest.mark.parametrize("more", [{}, {"sec-fetch-site": "same-origin"}, {"origin": "https://app.example"}])
def test_a_post_with_files_needs_a_header_that_forces_a_preflight(content_type: str, more: dict[str, str]) -> None:
    headers = {"content-type": content_type, **more}
    with pytest.raises(HttpError) as refused:
        check_forgery("POST", headers, TRUSTED)
    assert refused.value.code is HttpErrorCode.CSRF_PREVENTED
    for name in ("graphql-require-preflight", "apollo-require-preflight", "x-apollo-operation-name"):
        check_forgery("POST", headers | {name: "true"}, TRUSTED)
