"""Reading the parameters of OAuth 2.0: of a query or a form, and each at most once (RFC 6749, section 3.1)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from sandbox.body import LIMIT_BYTES, body_of
from sandbox.issuer_refusal import Refusal

FORM = "application/x-www-form-urlencoded"
_MOST = 100  # parameters; no honest request has a third of them

Parameters = Mapping[str, str]


async def form_of(request: Request) -> Parameters:
    """The form that was sent. Raises `Refusal`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refusal("invalid_request", f"Send the parameters as {FORM}.")
    body = await body_of(request)
    if body is None:
        raise Refusal("invalid_request", f"A form has at most {LIMIT_BYTES} bytes.", status=413)
    return parameters(body.decode(errors="replace"))


def parameters(text: str) -> Parameters:
    """The parameters of a query or form; an empty one counts as left out. Raises `Refusal`."""
    try:
        pairs = parse_qsl(text, max_num_fields=_MOST)
    except ValueError:
        raise Refusal("invalid_request", f"There are more than {_MOST} parameters.") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Refusal("invalid_request", "A parameter is given more than once.")
    return given
