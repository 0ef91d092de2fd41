"""The agencies behind the benchmarks: static JSON from nginx, counted, and the same data as subgraphs.

Without nginx, a small server of our own replaces it, and the output says so. It can also fail on demand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
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
    """The running upstream servers."""

    def __init__(self, folder: Path, *, with_subgraphs: bool = False, with_faults: bool = False) -> None:
        """Write the data and start the servers; raises `ProgramNotStarted`."""
        self._folder = folder
        self._counted = 0
        self._programs: list[Program] = []
        files = folder / "files"
        files.mkdir()
        dataset.write_dataset(files)
        nginx = None if with_faults else find_program("nginx")
        self.kind = "nginx" if nginx else "the Python server"
        if not nginx and not with_faults:
            self.kind += " (nginx could not be installed)"
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.subgraphs = ""
        """The address of the subgraphs, if they were started."""
        try:
            if nginx:
                configuration = folder / "nginx.conf"
                configuration.write_text(_NGINX.format(folder=folder, host=HOST, port=self.port))
                command = [str(nginx), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
            else:
                command = _python("static_files", self.port, str(files))
            self._start(command, self.port)
            if with_subgraphs:
                port = free_port()
                self._start(_python("subgraphs", port), port)
                self.subgraphs = f"http://{HOST}:{port}"
        except BaseException:
            self.stop()
            raise

    def _start(self, command: Sequence[str], port: int) -> None:
        log = self._folder / f"upstream{len(self._programs)}.log"
        program = Program(command, core=LOAD_CORE, log=log, folder=ROOT, environment={"PYTHONPATH": str(ROOT)})
        self._programs.append(program)
        program.wait_for(port)

    def calls(self) -> int:
        """The number of answered requests, without those for this number."""
        self._counted += 1
        urls = filter(None, (self.url, self.subgraphs))
        return sum(_read_calls(url) - self._counted for url in urls)

    def cpu_seconds(self) -> float:
        """Processor time of all servers so far."""
        return sum(each.cpu_seconds() for each in self._programs)

    def stop(self) -> None:
        """Stop them."""
        for each in self._programs:
            each.stop()


def _python(module: str, port: int, *more: str) -> list[str]:
    return [sys.executable, "-P", "-m", f"benchmarks.upstreams.{module}", str(port), *more]


def _read_calls(url: str) -> int:
    with urlopen(f"{url}/calls", timeout=5) as reply:  # noqa: S310 - http on the loopback address
        text = reply.read().decode()
    found = re.search(r"^\s*\d+\s+\d+\s+(\d+)\s*$", text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"The upstream does not report its number of calls: {text[:100]!r}")
    return int(found[1])
