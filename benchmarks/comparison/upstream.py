"""The agencies behind the benchmarks: static JSON from nginx, counted.

Without nginx, a small server of our own replaces it, and the output says so.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.request import urlopen

from benchmarks.comparison import dataset
from benchmarks.layout import HOST, LOAD_CORE, ROOT, free_port
from benchmarks.processes import Program
from sandbox.programs import find_program

_NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_timeout 120;
    keepalive_requests 100000000;
    open_file_cache max=8000 inactive=600s;
    open_file_cache_valid 600s;
    default_type application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{port} backlog=4096;
        root {folder}/files;
        location = /calls {{ stub_status; }}
    }}
}}
"""


class Upstream:
    """A running upstream."""

    def __init__(self, folder: Path) -> None:
        """Write the data and start the server; raises `ProgramNotStarted`."""
        self._counted = 0
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        files = folder / "files"
        files.mkdir()
        dataset.write_dataset(files)
        nginx = find_program("nginx")
        self.kind = "nginx" if nginx else "the Python server (nginx could not be installed)"
        if nginx:
            configuration = folder / "nginx.conf"
            configuration.write_text(_NGINX.format(folder=folder, host=HOST, port=self.port))
            command = [str(nginx), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
        else:
            command = [sys.executable, "-P", "-m", "benchmarks.gateways.static_files", str(self.port), str(files)]
        self._program = Program(
            command,
            core=LOAD_CORE,
            log=folder / "upstream.log",
            folder=ROOT,
            environment={"PYTHONPATH": str(ROOT)},
        )
        try:
            self._program.wait_for(self.port)
        except BaseException:
            self._program.stop()
            raise

    def calls(self) -> int:
        """The number of answered requests, without this one."""
        with urlopen(f"{self.url}/calls", timeout=5) as reply:  # noqa: S310 - http on the loopback address
            text = reply.read().decode()
        found = re.search(r"^\s*\d+\s+\d+\s+(\d+)\s*$", text, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"The upstream does not report its number of calls: {text[:100]!r}")
        self._counted += 1
        return int(found[1]) - self._counted

    def stop(self) -> None:
        """Stop it."""
        self._program.stop()
