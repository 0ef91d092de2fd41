"""Sealed values open only for the same browser, for a quarter of an hour, in the same process."""

from sandbox.issuer.form_seal import LIFETIME_S, FormSeal


def test_values_open_for_the_same_browser_until_they_expire() -> None:
    now = 1_000_000.0
    seal = FormSeal(lambda: now)
    text = seal.seal({"a": "b"}, "browser")

    now += LIFETIME_S - 1
    assert seal.unseal(text, "browser") == {"a": "b"}
    assert seal.unseal(text, "another") is None
    now += 1
    assert seal.unseal(text, "browser") is None


def test_values_do_not_open_in_another_process() -> None:
    assert FormSeal().unseal(FormSeal().seal({}, "browser"), "browser") is None


def test_a_seal_without_a_signature_does_not_open() -> None:
    header, claims, _ = FormSeal().seal({}, "browser").split(".")

    assert FormSeal().unseal(f"eyJhbGciOiJub25lIn0.{claims}.", "browser") is None
    assert FormSeal().unseal(f"{header}.{claims}.", "browser") is None
