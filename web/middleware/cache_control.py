"""What an answer says of who may keep it, and for how long (RFC 9111): as the strictest of its parts allows.

Whatever failed, is partly there, is no longer fresh, or changed something is kept by nobody. What is personal is kept
by nobody but the browser of whom it was given to, and by that only to ask if it is still the same: devices are shared,
rights are taken back, and each reading has to pass the rules and be recorded. Specific personal data (UU PDP 27/2022,
article 4, paragraph 2) stays on no disk at all, and who reads as an official, a partner or a system keeps nothing.
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
"""Whose browsers may keep anything."""


_SPECIFIC: Final = frozenset(each.label for each in Classification if each.level == "SPECIFIC")


class CachePolicy(NamedTuple):
    """How an answer may be kept."""

    header_lines: bytes
    """Header lines, each with its end."""
    has_entity_tag: bool = False
    """Whether who kept it may ask if it is still the same: it gets an entity tag."""
    is_shared: bool = False
    """Whether it may be handed to others: it must tell nothing of who asked."""


NO_STORE: Final = CachePolicy(b"cache-control: no-store\r\nvary: Accept\r\n")


_PolicyKey = tuple[int, int, float, float, bool, bool]
"""Age; how long it is fresh, given while it is asked for anew, and given on failure; by GET, and with a token."""
_MAX_POLICIES = 4096


class CacheControl:
    """Decides it, for one hub."""

    def __init__(self, settings: WebSettings) -> None:
        # Who has a token may be answered otherwise, and an origin be told that its pages may read.
        self._vary = b"vary: Accept, Authorization%b\r\n" % (b", Origin" if settings.origins else b"")
        self._public_max_age = settings.public_max_age
        self._private_no_store = CachePolicy(b"cache-control: private, no-store\r\n" + self._vary)
        self._private_no_cache = CachePolicy(b"cache-control: private, no-cache\r\n" + self._vary, has_entity_tag=True)
        self._policies: dict[_PolicyKey, CachePolicy] = {}
        """What was made for answers with public data: for most, there is one that says the same."""

    def choose_policy(
        self, response: GraphQLResponse, kind: CallerKind, header_names: Container[str], *, by_get: bool
    ) -> CachePolicy:
        """How the answer to a caller of this kind, who sent these header fields, may be kept.

        What is posted is kept by no cache (RFC 9110, section 9.3.3).
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
    """Whether nobody whom it is about is a child, or unknown: whatever is about a child is specific."""
    today = get_city_date()
    return not any(each.subject is None or is_child(str(each.subject), today) for each in response.reads)


def _build_public_lines(key: _PolicyKey, max_age: int) -> bytes:
    """The header lines of public data, in whole seconds and never more than there are.

    `max-age` counts from when the oldest part was said, so that what is left of it after `Age` is what is left of the
    strictest part.
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
        lines += b"x-accel-expires: %d\r\n" % fresh  # nginx does not look at `Age`
    return lines


def _build_age_line(age: int) -> bytes:
    return b"age: %d\r\n" % age if age else b""
