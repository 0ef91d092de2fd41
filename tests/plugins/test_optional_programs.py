"""Tests skip with the true reason if the packages that they need are missing or out of date."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.plugins.optional_programs import ROOT, locked_packages

LOCK = ROOT / "tests" / "package-lock.json"


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [
        (None, "the Node packages of the tests were not fetched: `make programs` does it"),
        (
            "0" * 64,
            "the Node packages of the tests are not those of tests/package-lock.json: `make programs` renews them",
        ),
    ],
)
@pytest.mark.optional_programs
def test_packages_that_are_missing_or_of_another_lock_are_skipped_with_the_reason(
    tmp_path: Path, stamp: str | None, reason: str
) -> None:
    if stamp is not None:
        (tmp_path / "simpul.stamp").write_text(stamp)
    with pytest.raises(pytest.skip.Exception) as skipped:
        locked_packages(tmp_path, LOCK, "Node packages of the tests")
    assert skipped.value.msg == reason


def test_packages_of_the_lock_are_used(tmp_path: Path) -> None:
    (tmp_path / "simpul.stamp").write_text(hashlib.sha256(LOCK.read_bytes()).hexdigest())
    assert locked_packages(tmp_path, LOCK, "Node packages of the tests") == tmp_path
