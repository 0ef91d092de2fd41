"""What was sealed for one browser opens for that one only, for a quarter of an hour, in the same process."""

from sandbox.issuer_seal import GOOD_FOR_S, Seal


def test_it_opens_for_the_same_browser_until_its_time_is_over() -> None:
    now = 1_000_000.0
    seal = Seal(lambda: now)
    text = seal.closed({"a": "b"}, "browser")

    now += GOOD_FOR_S - 1
    assert seal.opened(text, "browser") == {"a": "b"}
    assert seal.opened(text, "another") is None
    now += 1
    assert seal.opened(text, "browser") is None


def test_it_opens_in_no_other_process() -> None:
    assert Seal().opened(Seal().closed({}, "browser"), "browser") is None


def test_a_seal_without_a_signature_does_not_open() -> None:
    header, claims, _ = Seal().closed({}, "browser").split(".")

    assert Seal().opened(f"eyJhbGciOiJub25lIn0.{claims}.", "browser") is None
    assert Seal().opened(f"{header}.{claims}.", "browser") is None
