"""Forks very small agencies: ready immediately, end on SIGTERM, and show their start options. Run, not imported."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class SmallAgencyControl(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({name: os.environ[name] for name in os.environ if name.startswith("SANDBOX_")}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name its base class gives it
        pass


def main(arguments: Sequence[str]) -> None:
    name = arguments[0]
    state = Path(arguments[arguments.index("--state") + 1])
    port = int(arguments[arguments.index("--control-port") + 1])
    if (state / "broken").exists():
        sys.exit(f"sandbox: {name} misses its table of streets; restore it.")
    if (state / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    HTTPServer(("127.0.0.1", port), SmallAgencyControl).serve_forever()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from sandbox.processes.fork_server import serve_forks

    serve_forks(main)
