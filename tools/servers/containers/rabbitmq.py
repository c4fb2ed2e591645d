"""A private RabbitMQ in a container."""

import signal
import tempfile
from pathlib import Path

from orderctl.stack.ports import free_port
from tools.servers.containers.container import Container
from tools.servers.rabbitmq import RabbitMQServer

CONFIG = """\
# Clients reach the server through a port on 127.0.0.1, but not from its own address.
loopback_users = none
raft.wal_max_size_bytes = 67108864
vm_memory_high_watermark.absolute = 1GiB
disk_free_limit.absolute = 50MB
"""


class RabbitMQContainer(RabbitMQServer):
    """Used like an installed RabbitMQ; `kill` kills the whole container."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="test-rabbitmq-"))
        self.port, self._management_port = free_port(), free_port()
        self._new = set()
        config = self.folder / "tests.conf"
        config.write_text(CONFIG)
        self._container = Container(
            "rabbitmq",
            ports={5672: self.port, 15672: self._management_port},
            options=[
                # RabbitMQ names its data folder after the host.
                "--hostname=rabbitmq",
                f"--volume={config}:/etc/rabbitmq/conf.d/90-tests.conf:ro",
                # Idle schedulers sleep instead of spinning.
                "--env=RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none",
            ],
        )

    @property
    def pid(self) -> int:
        return self._container.pid

    def start(self) -> None:
        if not self._container.is_running():
            self._container.start(self._takes_connections)

    def forget(self, name: str) -> None:
        # Only RabbitMQ 3.10 may crash on one from before a restart.
        if name in self._new and self._container.is_running():
            self._new.remove(name)
            self.delete_vhost(name)

    def close(self) -> None:
        self._container.remove()
        self._delete_folder()

    def _control(self, *arguments: str) -> None:
        self._container.run("rabbitmqctl", *arguments)

    def _end(self, sign: signal.Signals) -> None:
        if sign == signal.SIGTERM:
            # Not every image passes the signal on to the server.
            self._container.end_by("rabbitmqctl", "shutdown")
        else:
            self._container.end(sign)
