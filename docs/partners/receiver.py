"""A sample partner application: the return address of browsers, and a webhook endpoint.

Run it with the secret that `simpul consents secret ISSUER/CLIENT` prints: `SECRET=whsec_... python3 receiver.py 9010`.
It prints what arrives and refuses webhooks without a valid signature of the hub. A real application also refuses old
timestamps, and ignores a `webhook-id` that it has seen.
"""

import hmac
import os
import sys
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Receives returning browsers and webhooks."""

    def do_GET(self) -> None:
        """A browser returns from the consent page."""
        if self.path.startswith("/back?"):
            print("came back:", self.path, flush=True)
            self._answer(200, b"Back at the partner.\n")
        else:
            self._answer(404)

    def do_POST(self) -> None:
        """The hub calls the webhook."""
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        key = b64decode(os.environ["SECRET"].removeprefix("whsec_"))
        expected = "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
        # during a change of the secret, there are two signatures
        given = self.headers.get("webhook-signature", "").split()
        if any(hmac.compare_digest(expected.encode(), each.encode()) for each in given):
            print("webhook:", body.decode(), flush=True)
            self._answer(204)
        else:
            print("refused: the signature is not the hub's", flush=True)
            self._answer(401)

    def log_message(self, *_: object) -> None:
        """Suppresses the server's own log."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
