"""What a page of the OpenID provider hands to the browser and gets back unchanged, from the same browser only.

So the provider remembers no page that nobody finishes, and no other site can send in a form that it was not given
(cross-site request forgery): it does not know the cookie of the browser.
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
    """Seals with a key of this process: what was sealed before a restart does not open."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._key = OctKey.generate_key(256)
        self._now = now

    def seal(self, values: Mapping[str, str], browser: str) -> str:
        """The values, readable but unchangeable, for the browser with this cookie."""
        claims = {"exp": int(self._now()) + LIFETIME_S, "browser": _digest(browser), "values": dict(values)}
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def unseal(self, text: str, browser: str) -> dict[str, str] | None:
        """The values; None where the text is not ours, too old, or was given to another browser."""
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
