"""What `simpul serve` says when everything is ready: what to open, how to be somebody, a first query."""

from __future__ import annotations

from sandbox.state_folder import LOOPBACK

# Asks all five agencies, and fits on a line.
FIRST_QUERY = (
    "{ me { name taxObjects { address } msmes { name } complaints { number status } } markets(first: 1) { name } }"
)


def build_greeting(port: int, seconds: float, *, issuer_port: int | None) -> str:
    """The text, with rich's markup. `issuer_port` is that of the sandbox city's OpenID provider, where a city runs."""
    at = f"http://{LOOPBACK}:{port}"
    lines = [
        f"[bold green]Simpul is ready[/] after {seconds:.1f} s, for this machine only. Ctrl-C stops everything.",
        "",
        f"  GraphiQL  {at}/graphiql",
        f"  GraphQL   {at}/graphql",
        f"  Health    {at}/health/ready",
    ]
    if issuer_port is not None:
        lines += [
            f"  Consents  {at}/consents (what people let partners read: sign in as any of them)",
            f"  Sign-in   http://{LOOPBACK}:{issuer_port} (OpenID provider of the sandbox city)",
            "",
            "  Be somebody: .venv/bin/simpul token siti prints Siti's token, .venv/bin/simpul people says who",
            "  else there is. A first query:",
            "",
            f"    curl -s {at}/graphql -H 'Content-Type: application/json' \\",
            '      -H "Authorization: Bearer $(.venv/bin/simpul token siti)" \\',
            f'      -d \'{{"query": "{FIRST_QUERY}"}}\'',
            "",
            "  The agencies: .venv/bin/simpul sandbox lists them; `sandbox stop pbb`, `sandbox start pbb` try one.",
        ]
    return "\n".join([*lines, ""])
