"""Reads OAuth 2.0 parameters from a query or a form, each at most once (RFC 6749, section 3.1)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from sandbox.issuer.oauth_errors import OAuthError
from sandbox.request_body import MAX_BODY_BYTES, read_body

FORM = "application/x-www-form-urlencoded"
_MAX_PARAMETERS = 100  # legitimate requests have less than a third

Parameters = Mapping[str, str]


async def read_form(request: Request) -> Parameters:
    """The parameters of the submitted form. Raises `OAuthError`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"Send the parameters as {FORM}.")
    body = await read_body(request)
    if body is None:
        raise OAuthError("invalid_request", f"A form has at most {MAX_BODY_BYTES} bytes.", status=413)
    return parse_parameters(body.decode(errors="replace"))


def parse_parameters(text: str) -> Parameters:
    """The parameters of a query or form; an empty parameter counts as omitted. Raises `OAuthError`."""
    try:
        pairs = parse_qsl(text, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise OAuthError("invalid_request", f"There are more than {_MAX_PARAMETERS} parameters.") from None
    values = dict(pairs)
    if len(values) < len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once.")
    return values
