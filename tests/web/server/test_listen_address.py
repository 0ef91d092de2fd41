import pytest

from web.server.listen_address import ListenAddress


@pytest.mark.parametrize(
    ("text", "host", "loopback", "reached_at"),
    [
        ("127.0.0.1:8000", "127.0.0.1", True, "http://127.0.0.1:8000"),
        ("127.0.0.2:1", "127.0.0.2", True, "http://127.0.0.2:1"),
        ("[::1]:8000", "[::1]", True, "http://[::1]:8000"),
        ("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]", True, "http://[::ffff:127.0.0.1]:80"),
        ("0.0.0.0:8000", "0.0.0.0", False, "http://127.0.0.1:8000"),  # noqa: S104 - read, not bound
        ("[::]:65535", "[::]", False, "http://[::1]:65535"),
        ("192.0.2.7:8000", "192.0.2.7", False, "http://192.0.2.7:8000"),
        ("[2001:db8::1]:8000", "[2001:db8::1]", False, "http://[2001:db8::1]:8000"),
        ("[::ffff:192.0.2.7]:80", "[::ffff:192.0.2.7]", False, "http://[::ffff:192.0.2.7]:80"),
    ],
)
def test_reads_an_address_and_a_port(text: str, host: str, *, loopback: bool, reached_at: str) -> None:
    address = ListenAddress.parse(text)
    assert (str(address), address.host) == (text, host)
    assert (address.is_loopback, address.local_url) == (loopback, reached_at)


def test_localhost_is_127_0_0_1() -> None:
    assert str(ListenAddress.parse("localhost:8000")) == "127.0.0.1:8000"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a port from 1 to 65535"),
        ("8000", "a port from 1 to 65535"),
        ("127.0.0.1", "a port from 1 to 65535"),
        ("127.0.0.1:", "a port from 1 to 65535"),
        ("127.0.0.1:0", "a port from 1 to 65535"),
        ("127.0.0.1:65536", "a port from 1 to 65535"),
        ("127.0.0.1:+80", "a port from 1 to 65535"),
        ("127.0.0.1:\uff18\uff10", "a port from 1 to 65535"),
        (":8000", "an IP address of this machine"),
        ("hub.example:8000", "an IP address of this machine"),
        ("127.1:8000", "an IP address of this machine"),
        ("http://127.0.0.1:8000", "an IP address of this machine"),
        ("::1:8000", "an IPv6 address in brackets"),
        ("[127.0.0.1]:8000", "an IPv4 address without"),
        ("[::1:8000", "an IP address of this machine"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ListenAddress.parse(text)
