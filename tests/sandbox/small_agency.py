"""Very small agencies: ready immediately, end on SIGTERM, and show their start options. Run, not imported.

Without arguments the program forks them; with those of one agency it is this agency.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class SmallAgencyControl(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {name: os.environ[name] for name in os.environ if name.startswith("SANDBOX_")}
        body = json.dumps({"state": sys.argv[sys.argv.index("--state") + 1], **told}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name its base class gives it
        pass


def main(arguments: Sequence[str]) -> None:
    sys.argv[1:] = arguments
    name = arguments[0]
    state = Path(arguments[arguments.index("--state") + 1])
    port = int(arguments[arguments.index("--control-port") + 1])
    if (state / "broken").exists():
        sys.exit(f"sandbox: {name} misses its table of streets; restore it.")
    if (state / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    HTTPServer(("127.0.0.1", port), SmallAgencyControl).serve_forever()


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1:])
    else:
        sys.path.insert(0, str(Path(__file__).parents[2]))
        from sandbox.processes.fork_server import serve_forks

        serve_forks(main)
