"""The state folder stores ports and secrets, for one city at a time."""

import socket
from datetime import date
from pathlib import Path

import pytest

from sandbox.state_folder import PORTS, StateError, StateFolder, is_free


def test_a_free_port_is_reused_and_a_taken_port_is_replaced(tmp_path: Path) -> None:
    port = StateFolder(tmp_path).port("pbb")
    assert port in PORTS
    assert StateFolder(tmp_path).port("pbb") == port
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        assert not is_free(port)
        other = StateFolder(tmp_path).port("pbb")
    assert other != port
    assert StateFolder(tmp_path).known_port("pbb") == other


def test_no_two_names_share_a_port(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert len({folder.port(f"name {n}") for n in range(40)}) == 40


def test_a_secret_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    secret = StateFolder(tmp_path).secret("pbb")
    assert len(secret) >= 32
    assert StateFolder(tmp_path).secret("pbb") == secret
    assert StateFolder(tmp_path).secret("crm") != secret
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "[]", '{"pbb": "text"}', "{"])
def test_a_damaged_file_is_named_with_the_fix(tmp_path: Path, content: str) -> None:
    (tmp_path / "ports.json").write_text(content)
    with pytest.raises(StateError, match=r"ports\.json .*: delete it, the next start makes a new one$"):
        StateFolder(tmp_path).port("pbb")


def test_a_lookup_creates_nothing(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "not there")
    assert folder.known_port("pbb") is None
    assert folder.known_secret("pbb") is None
    assert not folder.path.exists()


def test_a_folder_is_free_again_after_the_block(tmp_path: Path) -> None:
    with (
        StateFolder(tmp_path).lock(),
        pytest.raises(StateError, match="already runs"),
        StateFolder(tmp_path).lock(),
    ):
        pass
    with StateFolder(tmp_path).lock():
        pass


def test_the_day_of_the_first_start_stays_until_another_day_is_chosen(tmp_path: Path) -> None:
    first, later, chosen = date(2026, 11, 29), date(2026, 12, 24), date(2026, 11, 1)

    assert StateFolder(tmp_path).city_day(first) == first
    assert StateFolder(tmp_path).city_day(later) == first
    assert StateFolder(tmp_path).city_day(later, chosen=chosen) == chosen
    assert StateFolder(tmp_path).city_day(later) == chosen
    assert (tmp_path / "city.json").read_text() == '{\n "today": "2026-11-01"\n}'


def test_a_kept_day_that_is_not_a_day_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "city.json").write_text('{"today": "soon"}')

    with pytest.raises(StateError, match=r"city\.json: 'soon' is not a day .*: delete it, the next start makes a new"):
        StateFolder(tmp_path).city_day(date(2026, 11, 29))
