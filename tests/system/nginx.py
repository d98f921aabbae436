"""A real nginx in front of a site, with everything that it writes in a directory of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.requirements import require
from tests.system.running_site import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.running_site import RunningSite

INTERNAL = "/internal/exports/"
# Debian has it where only root looks.
PLACES = ("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx")
# The part that docs/production.md shows is the location.
CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {site};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
        location {internal} {{
            internal;
            alias {exports}/;
            add_header X-Content-Type-Options nosniff always;
        }}
    }}
}}
"""


class Nginx:
    """nginx on a port of its own, in one process, before the server of a site."""

    def __init__(self, directory: Path, site: RunningSite) -> None:
        self._program = next(filter(None, map(shutil.which, PLACES)), "")
        require("nginx", self._program, remedy="install the Debian package nginx-light")
        self._directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory.mkdir()
        text = CONFIGURATION.format(
            directory=directory,
            port=self.port,
            site=site.url,
            internal=INTERNAL,
            exports=site.environment["EXPORTS_DIR"],
        )
        (directory / "nginx.conf").write_text(text)

    def start(self) -> None:
        command = [self._program, "-p", self._directory, "-c", "nginx.conf", "-e", self._directory / "error.log"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        eventually(self._listens, why="nginx listens")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self._directory / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
