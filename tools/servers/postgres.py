"""A private PostgreSQL server."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from orderctl.stack.ports import free_port
from tools.servers.process import ServerFailed, ServerProcess, find_program
from tools.servers.tls import TlsFiles

DEBIAN = "usr/lib/postgresql/*/bin/"
INSTALL = "install it with `apt-get install postgresql` or `brew install postgresql`"

#: A second address of the same server, for the one of several clients whose packets vanish.
#: On Linux every address that begins with 127 is the machine's own.
ADDRESS, OTHER_ADDRESS = "127.0.0.1", "127.0.0.2"

SETTINGS = {
    "listen_addresses": f"{ADDRESS},{OTHER_ADDRESS}" if sys.platform == "linux" else ADDRESS,
    "max_connections": "200",
    # Statements that waited on a lock for a second are worth a line in the log.
    "log_lock_waits": "on",
}


class PostgresServer:
    """Starts empty; keeps its port and its data over stop, kill and start.

    Leaving its `with` block, or `close()`, deletes the data. What PostgreSQL does to keep data
    over a crash is left on.
    """

    def __init__(self, tls: TlsFiles | None = None) -> None:
        """With `tls` its clients may have TLS, on the same port."""
        self._program = find_program("postgres", DEBIAN + "postgres", install=INSTALL)
        self._initdb = find_program("initdb", DEBIAN + "initdb", install=INSTALL)
        # PostgreSQL refuses to run as root; Debian's package creates a suitable user.
        self._user = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self.port = free_port()
        self._server: ServerProcess | None = None
        self._tls: dict[str, str] = self._copied(tls) if tls else {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Of the server, and of the group of all that it has started. It has to run."""
        if self._server is None:
            raise ServerFailed("it is not running")
        return self._server.pid

    def start(self) -> None:
        """Start unless it is already running, and wait until it accepts connections."""
        if self._server is not None and self._server.is_running():
            return
        self._end(signal.SIGKILL)
        if not self._data.exists():
            self._create_data()
        try:
            self._launch()
        except ServerFailed:
            # After kill() a backend may hold the shared memory for another moment; a postgres
            # that finds it in use gives up at once.
            self._end(signal.SIGKILL)
            time.sleep(1.0)
            self._launch()

    def stop(self) -> None:
        """Stop in order: clients are disconnected, everything is written out."""
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait until the last client leaves.
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """`kill -9`: on the next start the write-ahead log is replayed."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.kill()
        self._delete_folder()

    def _delete_folder(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str) -> str:
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and disconnect its remaining clients."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _create_data(self) -> None:
        command: list[str | Path] = [self._initdb, "--pgdata", self._data, "--username", "postgres"]
        # --no-sync is about these first files only: nothing is in them that could be missed.
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [*command, *options],
            cwd=self.folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ServerFailed(made.stdout)

    def _copied(self, tls: TlsFiles) -> dict[str, str]:
        """The settings with which the server reads these files. It wants its key to be its own."""
        settings = {"ssl": "on"}
        for name, path in (("ssl_cert_file", tls.certificate), ("ssl_key_file", tls.key)):
            copy = str(shutil.copy(path, self.folder))
            if self._user is not None:
                shutil.chown(copy, self._user)
            settings[name] = copy
        return settings

    def _launch(self) -> None:
        settings = (
            SETTINGS
            | self._tls
            | {
                "port": str(self.port),
                "unix_socket_directories": str(self.folder),
            }
        )
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._server = ServerProcess(
            [self._program, "-D", self._data, *options],
            log=self.folder / "server.log",
            user=self._user,
            scratch=self.folder,
        )
        self._server.wait_until(self._takes_connections)

    def _end(self, sign: signal.Signals) -> None:
        if self._server is not None:
            self._server.end(sign)
        self._server = None

    def _takes_connections(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
