"""`simpul agencies serve`: the samples of one agency on a port, for a hub elsewhere."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
from contextlib import closing
from pathlib import Path

from settings.city.folder import DEFAULT_CITY
from tests.cli.command_line import build_environment, run_simpul
from tests.cli.preloaded import get_preloaded_interpreter
from tests.fakes.waiting import block_until
from tests.sandbox_agencies import HOST, free_port


def test_the_samples_are_served_until_a_signal_and_the_variables_printed(tmp_path: Path) -> None:
    console, port = tmp_path / "console", free_port()
    with console.open("wb") as out:
        process = get_preloaded_interpreter().launch(
            ["agencies", "serve", "pangan", "--port", str(port)], build_environment(tmp_path), out=out, err=out
        )
    try:
        block_until(lambda: "are served on port" in console.read_text(), "the samples are served")
        lines = console.read_text().splitlines()
        assert lines[0] == f"export SIMPUL_PANGAN_URL=http://127.0.0.1:{port}"
        [key] = re.findall("^export SIMPUL_PANGAN_KEY=(.+)$", lines[1])
        answers = []

        def is_answered() -> bool:
            with closing(http.client.HTTPConnection(HOST, port, timeout=5)) as connection:
                try:
                    connection.request("GET", "/api2/v1/master-data/market", headers={"app-client-id": key})
                except OSError:
                    return False
                answers.append(connection.getresponse().read())
                return True

        block_until(is_answered, "an answer")
        assert b"Pasar Senen Blok III" in answers[0]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_an_agency_without_samples_is_named(tmp_path: Path) -> None:
    assert run_simpul(tmp_path, "agencies", "serve", "pajak").stderr.startswith("simpul: ")
    city = tmp_path / "kota"
    (city / "agencies").mkdir(parents=True)
    shutil.copy(DEFAULT_CITY / "city.toml", city)
    shutil.copy(DEFAULT_CITY / "agencies" / "dukcapil.toml", city / "agencies")
    outcome = run_simpul(tmp_path, "agencies", "serve", "dukcapil", "--city", str(city))
    assert outcome.returncode == 1
    assert re.fullmatch(r"simpul: dukcapil has no samples: write them to .*/samples/dukcapil\.\n", outcome.stderr)
