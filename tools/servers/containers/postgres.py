"""A private PostgreSQL server in a container."""

import signal
import tempfile
from pathlib import Path

from orderctl.stack.ports import free_port
from tools.servers.containers.container import Container
from tools.servers.postgres import PostgresServer

#: Anyone may connect as any role, as to an installed server of the tests.
TRUST = "local all all trust\nhost all all all trust\n"
#: The image's own entry point adds the addresses to listen on.
SETTINGS = ("max_connections=200", "log_lock_waits=on", "hba_file=/etc/trust.conf")


class PostgresContainer(PostgresServer):
    """Used like an installed PostgreSQL; `kill` kills the whole container."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
        self.port = free_port()
        trust = self.folder / "trust.conf"
        trust.write_text(TRUST)
        trust.chmod(0o644)
        self._container = Container(
            "postgres",
            "postgres",
            *[f"--{setting}" for setting in SETTINGS],
            ports={5432: self.port},
            options=[
                "--env=POSTGRES_PASSWORD=postgres",
                "--env=LANG=C.UTF-8",
                f"--volume={trust}:/etc/trust.conf:ro",
                # The default of 64 MB is less than parallel queries may need.
                "--shm-size=256m",
            ],
        )

    @property
    def pid(self) -> int:
        return self._container.pid

    def start(self) -> None:
        if not self._container.is_running():
            self._container.start(self._takes_connections)

    def close(self) -> None:
        self._container.remove()
        self._delete_folder()

    def _end(self, sign: signal.Signals) -> None:
        self._container.end(sign)
