import pytest
from starlette.applications import Starlette

from web.server.uvicorn_config import NotLoopbackError, build_uvicorn_config, check_loopback
from web.settings import WebSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_allows_loopback_addresses(host: str) -> None:
    check_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "hub.example.go.id", "", "127.1", "::ffff:8.8.8.8"])  # noqa: S104 - refused
def test_in_development_other_addresses_are_refused_with_the_reason(host: str) -> None:
    with pytest.raises(NotLoopbackError) as refused:
        build_uvicorn_config(Starlette(), host, 8000, WebSettings(development=True))
    assert str(refused.value) == (
        f"A hub in development listens on this machine only (127.0.0.1, ::1 or localhost), not on '{host}': "
        "it shows the graph and errors to every caller. Use 127.0.0.1 as the host."
    )


def test_passes_on_every_limit() -> None:
    config = build_uvicorn_config(Starlette(), "127.0.0.1", 8123, WebSettings(max_connections=7, keep_alive_timeout=3))
    assert (config.host, config.port, config.timeout_keep_alive) == ("127.0.0.1", 8123, 3)
    assert config.http.max_connections == 7  # type: ignore[union-attr]  # our own class of protocol
    assert config.limit_concurrency is None  # it would refuse every connection above the limit
    assert (config.access_log, config.server_header, config.proxy_headers) == (False, False, False)
