"""A private PgBouncer in front of a private PostgreSQL server."""

import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from orderctl.stack.ports import free_port
from tools.servers.process import ServerProcess, find_program

INSTALL = "install it with `apt-get install pgbouncer` or `brew install pgbouncer`"

CONFIG = """\
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
pool_mode = {mode}
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
"""


class PgBouncer:
    """In one pool mode, with Debian's defaults for all else, until its `with` block ends."""

    def __init__(self, server_port: int, mode: str) -> None:
        program = find_program("pgbouncer", "usr/sbin/pgbouncer", install=INSTALL)
        # PgBouncer refuses to run as root; the PostgreSQL package creates a suitable user.
        user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="test-pgbouncer-"))
        if user is not None:
            shutil.chown(self._folder, user)
        self._port = free_port()
        config = self._folder / "pgbouncer.ini"
        config.write_text(
            CONFIG.format(server=server_port, mode=mode, port=self._port, folder=self._folder)
        )
        (self._folder / "users").write_text('"postgres" ""\n')
        self._process = ServerProcess(
            [program, config], log=self._folder / "log", user=user, scratch=self._folder
        )

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def __enter__(self) -> Self:
        self._process.wait_until(self._takes_connections)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.end(signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _takes_connections(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
