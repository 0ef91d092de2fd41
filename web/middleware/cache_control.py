"""`Cache-Control` of GraphQL responses (RFC 9111): who may store a response, as the strictest of its parts allows.

- Failed, partial and stale responses, and responses to mutations, are not stored.
- Personal data is stored only by the browser of the caller, which must revalidate it before each use: devices are
  shared, rights are withdrawn, and every reading has to pass the rules and be recorded.
- Specific personal data (UU PDP 27/2022, article 4, paragraph 2) is stored on no disk.
- Officials, partners and agency systems store nothing.
"""

from __future__ import annotations

from collections.abc import Container
from math import inf
from typing import Final, NamedTuple

from auth.caller import CallerKind
from auth.policy.children import get_city_date, is_child
from auth.policy.rules import Classification
from engine.request import GraphQLResponse
from web.settings import WebSettings

CACHING_KINDS: Final = (CallerKind.ANONYMOUS, CallerKind.CITIZEN, CallerKind.BUSINESS)
"""Kinds of callers whose browsers may store responses."""


_SPECIFIC: Final = frozenset(each.label for each in Classification if each.level == "SPECIFIC")


class CachePolicy(NamedTuple):
    """How a response may be stored."""

    header_lines: bytes
    """Header lines, each with its line end."""
    has_entity_tag: bool = False
    """Whether the response gets an entity tag, for revalidation."""
    is_shared: bool = False
    """Whether shared caches may store it: then it must contain nothing about the caller."""


NO_STORE: Final = CachePolicy(b"cache-control: no-store\r\nvary: Accept\r\n")


_PolicyKey = tuple[int, int, float, float, bool, bool]
"""Age; seconds for which the response is fresh, may be stale during revalidation, and may be stale on errors; whether
the request is a GET, and whether it has a token."""
_MAX_POLICIES = 4096


class CacheControl:
    """Chooses the cache policy of responses."""

    def __init__(self, settings: WebSettings) -> None:
        # The response depends on the token and, with CORS, on the origin.
        self._vary = b"vary: Accept, Authorization%b\r\n" % (b", Origin" if settings.origins else b"")
        self._public_max_age = settings.public_max_age
        private = self._vary.replace(b"\r\n", b", Accept-Language\r\n")  # public answers hold no text in it
        self._private_no_store = CachePolicy(b"cache-control: private, no-store\r\n" + private)
        self._private_no_cache = CachePolicy(b"cache-control: private, no-cache\r\n" + private, has_entity_tag=True)
        self._policies: dict[_PolicyKey, CachePolicy] = {}
        """Policies of responses with public data, for reuse: most responses have equal ones."""

    def choose_policy(
        self, response: GraphQLResponse, kind: CallerKind, header_names: Container[str], *, by_get: bool
    ) -> CachePolicy:
        """The policy of a response to a caller of this kind, with the names of the request's headers.

        Caches do not store responses to POST (RFC 9110, section 9.3.3).
        """
        lifetime = response.lifetime
        if lifetime is None or response.errors or response.extensions or kind not in CACHING_KINDS:
            return NO_STORE
        age, fresh, revalidating, failing = lifetime
        if not response.is_public:
            return self._choose_private_policy(response, int(age), by_get=by_get)
        max_age = self._public_max_age
        if not max_age:
            return NO_STORE
        with_token = "authorization" in header_names
        key = int(age), int(fresh) if fresh < max_age else max_age, revalidating, failing, by_get, with_token
        policy = self._policies.get(key)
        if policy is None:
            if len(self._policies) >= _MAX_POLICIES:
                self._policies.clear()
            fields = _build_public_lines(key, max_age) + self._vary
            policy = CachePolicy(fields, has_entity_tag=by_get, is_shared=by_get and not with_token)
            self._policies[key] = policy
        return policy

    def _choose_private_policy(self, response: GraphQLResponse, age: int, *, by_get: bool) -> CachePolicy:
        may_ask_again = by_get and _SPECIFIC.isdisjoint(response.data_classes) and _is_about_adults_only(response)
        policy = self._private_no_cache if may_ask_again else self._private_no_store
        return policy if not age else policy._replace(header_lines=policy.header_lines + _build_age_line(age))


def _is_about_adults_only(response: GraphQLResponse) -> bool:
    """Whether all subjects are known and adults: all data about children is specific."""
    today = get_city_date()
    return not any(each.subject is None or is_child(str(each.subject), today) for each in response.reads)


def _build_public_lines(key: _PolicyKey, max_age: int) -> bytes:
    """The header lines of public data, in whole seconds, rounded down.

    `max-age` counts from the time of the oldest part. After the subtraction of `Age`, the rest is that of the strictest
    part.
    """
    age, fresh, revalidating, failing, by_get, with_token = key
    scope = "private" if with_token else "public"
    if not fresh:
        return f"cache-control: {scope}, no-cache\r\n".encode("ascii") + _build_age_line(age)
    directives = [scope, f"max-age={age + fresh}"]
    if not with_token:
        directives += [f"stale-while-revalidate={min(int(revalidating), max_age)}"] if 1 <= revalidating < inf else []
        directives += [f"stale-if-error={int(failing)}"] if 1 <= failing < inf else []
    lines = f"cache-control: {', '.join(directives)}\r\n".encode("ascii") + _build_age_line(age)
    if age and by_get and not with_token:
        lines += b"x-accel-expires: %d\r\n" % fresh  # nginx ignores `Age`
    return lines


def _build_age_line(age: int) -> bytes:
    return b"age: %d\r\n" % age if age else b""
