"""Seals the values of a sign-in form, which the same browser sends back unchanged.

The provider therefore stores no unfinished pages. Another site cannot submit a form (cross-site request forgery),
because it does not know the browser's cookie.
"""

import hashlib
import time
from collections.abc import Callable, Mapping

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

LIFETIME_S = 900
_ALGORITHM = "HS256"


class FormSeal:
    """Seals with a key of this process: values sealed before a restart do not open."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._key = OctKey.generate_key(256)
        self._now = now

    def seal(self, values: Mapping[str, str], browser: str) -> str:
        """Seal the values for the browser with this cookie: readable but not changeable."""
        claims = {"exp": int(self._now()) + LIFETIME_S, "browser": _digest(browser), "values": dict(values)}
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def unseal(self, text: str, browser: str) -> dict[str, str] | None:
        """The values; None if the text is not sealed by this process, too old, or for another browser."""
        try:
            claims = jwt.decode(text, self._key, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            return None
        if claims["exp"] <= self._now() or claims["browser"] != _digest(browser):
            return None
        values: dict[str, str] = claims["values"]
        return values


def _digest(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()
