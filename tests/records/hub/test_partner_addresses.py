"""Which addresses a partner's contract may name."""

import pytest

from records.hub.partner_addresses import find_address_fault, is_development_address

ODD = "holds characters that an address cannot have; write them percent-encoded"


@pytest.mark.parametrize(
    "address",
    [
        "https://bank.example/back",
        "https://bank.example:8443/back?from=simpul&x=%20",
        "https://8.8.8.8/hook",
        "https://[2606:4700::1111]/hook",
        "https://xn--bnk-rla.example/hook",
        "https://a_b.3.bank.example/hook",
        "http://127.0.0.1:9010/back",
        "http://[::1]:9010/back",
        "http://localhost/back",
        "https://localhost/back",
    ],
)
def test_https_and_this_machine_itself_will_do(address: str) -> None:
    assert find_address_fault(address) is None


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        (None, "must be an address of at most 500 characters"),
        ("", "must be an address of at most 500 characters"),
        (f"https://bank.example/{'a' * 480}", "must be an address of at most 500 characters"),
        ("http://bank.example/back", "must begin with https://"),
        ("ftp://bank.example/back", "must begin with https:// and a host"),
        ("javascript:alert(1)", "must begin with https:// and a host"),
        ("//bank.example/back", "must begin with https:// and a host"),
        ("https:///back", "must begin with https:// and a host"),
        ("https://bank.example:port/back", "is not an address"),
        ("https://[::1/back", "is not an address"),
        ("https://bank.example@evil.example/back", "must not hold a user or a password"),
        ("https://u:p@bank.example/back", "must not hold a user or a password"),
        ("https://bank.example/back#part", "must end before '#'"),
        ("https://bank.example/ba ck", ODD),
        ("https://bank.example/\r\nX: y", ODD),
        (
            "https://bank.example\\@evil.example/",
            ODD,
        ),
        ("https://bänk.example/", ODD),
        ("https://10.0.0.1/hook", "must name a public host"),
        ("https://169.254.169.254/latest", "must name a public host"),
        ("https://[fd00::1]/hook", "must name a public host"),
        ("https://[::ffff:10.0.0.1]/hook", "must name a public host"),
        ("https://0.0.0.0/hook", "must name a public host"),
        ("https://224.0.0.1/hook", "must name a public host"),
        ("https://[::127.0.0.1]/hook", "must name a public host"),
        ("https://[::ffff:8.8.8.8]/hook", "must name a public host"),
        ("https://[64:ff9b::7f00:1]/hook", "must name a public host"),
        ("https://2130706433/hook", "must name a public host"),
        ("https://127.1/hook", "must name a public host"),
        ("https://0x7f.1/hook", "must name a public host"),
        ("https://0/hook", "must name a public host"),
        ("https://127.0.0.1./hook", "must name a public host"),
        ("https://localhost./hook", "must name a public host"),
        ("https://hook.localhost/hook", "must name a public host"),
        ("https://localhost.localdomain/hook", "must name a public host"),
        ("https://intern/hook", "must name a public host"),
        ("https://a..bank.example/hook", "must name a public host"),
        ("https://.bank.example/hook", "must name a public host"),
        ("https://*.bank.example/hook", "must name a public host"),
        ("https://-a.bank.example/hook", "must name a public host"),
        (f"https://{'a' * 64}.bank.example/hook", "must name a public host"),
        (f"https://{'a.' * 130}example/hook", "must name a public host"),
        ("http://127.0.0.1.evil.example/", "must begin with https://"),
        ("http://localhost.evil.example/", "must begin with https://"),
    ],
)
def test_the_fault_of_an_address_is_named_without_the_address(address: object, fault: str) -> None:
    assert find_address_fault(address) == fault


def test_a_webhook_has_no_query() -> None:
    assert find_address_fault("https://bank.example/hook?key=1", allow_query=False) == "must end before '?' and '#'"


def test_a_loopback_address_is_a_development_address() -> None:
    assert is_development_address("http://127.0.0.1:1/x")
    assert is_development_address("https://localhost/x")
    assert not is_development_address("https://bank.example/x")
