import pytest

from tests.web.conftest import GraphServer

DATA = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("path", ["/graphql", "/health/ready", "/no/such/path", "/graphiql/examples.json"])
async def test_every_response_forbids_browsers_to_run_and_frame_it(hub: GraphServer, path: str) -> None:
    headers = (await hub.get(path)).headers
    assert headers["Content-Security-Policy"] == DATA
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Server" not in headers
    assert "Strict-Transport-Security" not in headers


async def test_the_page_may_run_only_scripts_of_this_server(hub: GraphServer) -> None:
    policy = (await hub.get("/graphiql")).headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


async def test_hsts_is_sent_if_it_is_set(hasty_hub: GraphServer) -> None:
    headers = (await hasty_hub.get("/health/live")).headers
    assert headers["Strict-Transport-Security"] == "max-age=3600; includeSubDomains"


async def test_no_foreign_page_may_read_unless_set(hub: GraphServer) -> None:
    answer = await hub.post({"query": "{ whoAmI }"}, Origin="https://app.example.go.id")
    assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = await hub.request("OPTIONS", "/graphql", Origin="https://app.example.go.id")
    assert preflight.status == 405


async def test_a_trusted_origin_may_ask_and_read(hasty_hub: GraphServer) -> None:
    origin = "https://app.example.go.id"
    preflight = await hasty_hub.request(
        "OPTIONS",
        "/graphql",
        Origin=origin,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization, content-type, x-apollo-operation-name, x-purpose, x-case",
    )
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    answer = await hasty_hub.post({"query": "{ whoAmI }"}, Origin=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    exposed = "X-Request-Id, Retry-After, Age, ETag, RateLimit-Policy, RateLimit"
    assert answer.headers["Access-Control-Expose-Headers"] == exposed


async def test_another_origin_may_not(hasty_hub: GraphServer) -> None:
    preflight = await hasty_hub.request(
        "OPTIONS", "/graphql", Origin="https://evil.example", Access_Control_Request_Method="POST"
    )
    assert preflight.status == 400
    answer = await hasty_hub.post({"query": "{ whoAmI }"}, Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_trusted_page_reads_refusals_and_faults_too(hasty_hub: GraphServer) -> None:
    origin = "https://app.example.go.id"
    for body in (b"null", b'{"query":"{ broken }"}', b" " * 2_000_000):
        answer = await hasty_hub.post(body, Origin=origin)
        assert answer.status in {400, 413, 500}
        assert answer.headers["Access-Control-Allow-Origin"] == origin
