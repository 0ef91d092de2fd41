"""A very small agency: ready immediately, ends on SIGTERM, and shows its start options. Run, not imported."""

import json
import os
import signal
import sys
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


def main() -> None:
    name = sys.argv[1]
    state = Path(sys.argv[sys.argv.index("--state") + 1])
    port = int(sys.argv[sys.argv.index("--control-port") + 1])
    if (state / "broken").exists():
        sys.exit(f"sandbox: {name} misses its table of streets; restore it.")
    if (state / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    HTTPServer(("127.0.0.1", port), SmallAgencyControl).serve_forever()


if __name__ == "__main__":
    main()
