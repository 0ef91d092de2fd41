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
        ("https://bank.example:port/back", "is no address"),
        ("https://[::1/back", "is no address"),
        ("https://bank.example@evil.example/back", "holds a user or a password; no address of a partner may"),
        ("https://u:p@bank.example/back", "holds a user or a password; no address of a partner may"),
        ("https://bank.example/back#part", "must end before '#'"),
        ("https://bank.example/ba ck", ODD),
        ("https://bank.example/\r\nX: y", ODD),
        (
            "https://bank.example\\@evil.example/",
            ODD,
        ),
        ("https://bänk.example/", ODD),
        ("https://10.0.0.1/hook", "must lead to a public host, by its name"),
        ("https://169.254.169.254/latest", "must lead to a public host, by its name"),
        ("https://[fd00::1]/hook", "must lead to a public host, by its name"),
        ("https://[::ffff:10.0.0.1]/hook", "must lead to a public host, by its name"),
        ("https://0.0.0.0/hook", "must lead to a public host, by its name"),
        ("https://224.0.0.1/hook", "must lead to a public host, by its name"),
        ("https://[::127.0.0.1]/hook", "must lead to a public host, by its name"),
        ("https://[::ffff:8.8.8.8]/hook", "must lead to a public host, by its name"),
        ("https://[64:ff9b::7f00:1]/hook", "must lead to a public host, by its name"),
        ("https://2130706433/hook", "must lead to a public host, by its name"),
        ("https://127.1/hook", "must lead to a public host, by its name"),
        ("https://0x7f.1/hook", "must lead to a public host, by its name"),
        ("https://0/hook", "must lead to a public host, by its name"),
        ("https://127.0.0.1./hook", "must lead to a public host, by its name"),
        ("https://localhost./hook", "must lead to a public host, by its name"),
        ("https://hook.localhost/hook", "must lead to a public host, by its name"),
        ("https://localhost.localdomain/hook", "must lead to a public host, by its name"),
        ("https://intern/hook", "must lead to a public host, by its name"),
        ("https://a..bank.example/hook", "must lead to a public host, by its name"),
        ("https://.bank.example/hook", "must lead to a public host, by its name"),
        ("https://*.bank.example/hook", "must lead to a public host, by its name"),
        ("https://-a.bank.example/hook", "must lead to a public host, by its name"),
        (f"https://{'a' * 64}.bank.example/hook", "must lead to a public host, by its name"),
        (f"https://{'a.' * 130}example/hook", "must lead to a public host, by its name"),
        ("http://127.0.0.1.evil.example/", "must begin with https://"),
        ("http://localhost.evil.example/", "must begin with https://"),
    ],
)
def test_what_is_wrong_with_an_address_is_named_and_never_shown(address: object, fault: str) -> None:
    assert find_address_fault(address) == fault


def test_a_webhook_has_no_query() -> None:
    assert find_address_fault("https://bank.example/hook?key=1", allow_query=False) == "must end before '?' and '#'"


def test_this_machine_itself_is_for_development() -> None:
    assert is_development_address("http://127.0.0.1:1/x")
    assert is_development_address("https://localhost/x")
    assert not is_development_address("https://bank.example/x")
