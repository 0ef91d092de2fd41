"""The address of a client behind trusted and other proxies."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers
from starlette.types import Scope

from web.client_address import ClientAddresses, to_limit_key

PROXY, INNER = "127.0.0.1", "10.0.0.7"


def find_address(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = (PROXY, INNER)) -> str:
    scope: Scope = {"client": None if peer is None else (peer, 50_000)}
    headers = Headers(raw=[(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded])
    return ClientAddresses(trusted).find_limit_key(scope, headers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        (PROXY, ("198.51.100.4",), "198.51.100.4"),
        # The client may have written the entries to the left of a proxy's entry.
        (PROXY, ("1.1.1.1, 198.51.100.4",), "198.51.100.4"),
        (PROXY, ("1.1.1.1", "198.51.100.4"), "198.51.100.4"),
        (PROXY, ("1.1.1.1, 198.51.100.4, 10.0.0.7",), "198.51.100.4"),
        (PROXY, ("10.0.0.7, 127.0.0.1",), "10.0.0.7"),
        (PROXY, ("198.51.100.4:55123",), "198.51.100.4"),
        (PROXY, ("[2001:db8:1:2:3:4:5:6]:443",), "2001:db8:1:2::/64"),
        (PROXY, ("2001:db8:1:2:3:4:5:6",), "2001:db8:1:2::/64"),
        # The header of a client that is no trusted proxy is ignored.
        ("203.0.113.9", ("198.51.100.4",), "203.0.113.9"),
        (PROXY, ("1.1.1.1, 203.0.113.9, 198.51.100.4",), "198.51.100.4"),
        # After an invalid entry, the address of the proxy that passed it on counts.
        (PROXY, ("1.1.1.1, unknown",), PROXY),
        (PROXY, ("",), PROXY),
        (PROXY, ("1.1.1.1,",), PROXY),
        (PROXY, ("1.1.1.1, \xff",), PROXY),
        (PROXY, (",".join(["10.0.0.7"] * 500),), INNER),
        (None, (), "nowhere"),
        ("/run/hub.sock", (), "nowhere"),
    ],
)
def test_the_right_most_address_that_is_no_trusted_proxy_counts(
    peer: str | None, forwarded: tuple[str, ...], found: str
) -> None:
    assert find_address(peer, *forwarded) == found


def test_without_trusted_proxies_the_header_is_ignored_even_from_this_machine() -> None:
    assert find_address(PROXY, "198.51.100.4", trusted=()) == PROXY


def test_an_ipv6_address_is_limited_by_its_network() -> None:
    assert to_limit_key("2001:db8::1") == to_limit_key("2001:db8::ffff:1") == "2001:db8::/64"
    assert to_limit_key("2001:db8:0:1::1") == "2001:db8:0:1::/64"
    assert to_limit_key("fe80::1%eth0") == "fe80::/64"


def test_an_ipv4_mapped_address_equals_the_ipv4_address() -> None:
    assert to_limit_key("::ffff:198.51.100.4") == "198.51.100.4"
    assert find_address("::ffff:127.0.0.1", "198.51.100.4") == "198.51.100.4"


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("10.244.3.9", "198.51.100.4", "198.51.100.4"),
        ("::ffff:10.244.3.9", "198.51.100.4", "198.51.100.4"),
        ("10.244.3.9", "198.51.100.4, 10.244.200.1", "198.51.100.4"),
        ("fd00:1::5", "198.51.100.4", "198.51.100.4"),
        ("10.245.0.1", "198.51.100.4", "10.245.0.1"),
        ("fd00:2::5", "198.51.100.4", "fd00:2::/64"),
    ],
)
def test_a_whole_network_of_proxies_may_be_trusted(peer: str, forwarded: str, found: str) -> None:
    assert find_address(peer, forwarded, trusted=("10.244.0.0/16", "fd00:1::/48")) == found
