"""The greeting of `simpul serve` when everything is ready: addresses, sample people, a first query."""

from __future__ import annotations

from sandbox.state_folder import LOOPBACK

# Reads from five agencies, and fits on a line.
FIRST_QUERY = (
    "{ me { name taxObjects { address } msmes { name } complaints { number status } } markets(first: 1) { name } }"
)


def build_greeting(port: int, seconds: float, *, issuer_port: int | None) -> str:
    """The text, with rich's markup. `issuer_port`: the port of the city's OpenID provider; None without a city."""
    at = f"http://{LOOPBACK}:{port}"
    lines = [
        f"[bold green]Simpul is ready[/] after {seconds:.1f} s, for this machine only. Ctrl-C stops everything.",
        "",
        f"  Home      {at}/",
        f"  GraphiQL  {at}/graphiql",
        f"  GraphQL   {at}/graphql",
        f"  Health    {at}/health/ready",
    ]
    if issuer_port is not None:
        lines += [
            f"  Consents  {at}/consents (what people let partners read: sign in as any of them)",
            f"  Sign-in   http://{LOOPBACK}:{issuer_port} (OpenID provider of the sandbox city)",
            "",
            "  Act as a sample person: .venv/bin/simpul token siti prints Siti's token,",
            "  .venv/bin/simpul people lists the others. A first query:",
            "",
            f"    curl -s {at}/graphql -H 'Content-Type: application/json' \\",
            '      -H "Authorization: Bearer $(.venv/bin/simpul token siti)" \\',
            f'      -d \'{{"query": "{FIRST_QUERY}"}}\'',
            "",
            "  Agencies: .venv/bin/simpul sandbox lists them; `sandbox stop` and `start` with a name try an outage.",
        ]
    return "\n".join([*lines, ""])
