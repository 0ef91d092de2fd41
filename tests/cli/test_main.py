"""The start of the command line."""

import subprocess
import sys

from tests.sandbox_agencies import ROOT

HEAVY = {"aiohttp", "alembic", "cryptography", "faker", "graphql", "jinja2", "joserfc", "lxml", "msgspec"}
HEAVY |= {"opentelemetry", "prometheus_client", "pydantic", "redis", "sqlalchemy", "strawberry", "structlog", "zeep"}
_LOADED = "import cli.main, sys; cli.main.build_app(); print(*sorted({each.split('.')[0] for each in sys.modules}))"


def test_commands_do_not_import_libraries_that_only_others_need() -> None:
    begun = subprocess.run([sys.executable, "-c", _LOADED], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    loaded = set(begun.stdout.split())
    assert {"cli", "typer"} <= loaded
    assert loaded & HEAVY == set()
