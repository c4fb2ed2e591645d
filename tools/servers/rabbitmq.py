"""A RabbitMQ of one's own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import pika
from pika.exceptions import AMQPError

from orderctl.stack.ports import free_port
from tools.servers.process import ServerFailed, ServerProcess, find_program
from tools.servers.tls import TlsFiles

#: Debian's /usr/sbin/rabbitmq-server changes to the user rabbitmq and to the system's folders;
#: this is the program behind it.
DEBIAN = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"
DEBIAN_CONTROL = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmqctl"
NODE = "pipeline@localhost"
INSTALL = "install it with `apt-get install rabbitmq-server` or `brew install rabbitmq`"

#: RabbitMQ writes down which folder belongs to a new quorum queue up to a second after it has
#: confirmed the declaration. A kill before that loses the queue with all that was confirmed in
#: it; tests that declare and kill at once would see this, and not the thing that they are about.
REGISTRATION_S = 2.0

CONFIG = """\
listeners.tcp.local = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
# The management plugin is here to make virtual hosts, not to collect statistics.
management_agent.disable_metrics_collector = true
# Quorum queues share one log in memory and on disk; the default of 512 MiB is for servers.
raft.wal_max_size_bytes = 67108864
vm_memory_high_watermark.absolute = 1GiB
disk_free_limit.absolute = 50MB
"""
#: A client may have a certificate of its own, and then it has to be a good one.
TLS_CONFIG = """\
listeners.ssl.local = 127.0.0.1:{port}
ssl_options.cacertfile = {tls.ca}
ssl_options.certfile = {tls.certificate}
ssl_options.keyfile = {tls.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
"""


class RabbitMQServer:
    """Starts empty; keeps its port and its data over stop, kill and start.

    Leaving its `with` block, or `close()`, deletes the data.
    """

    def __init__(self, tls: TlsFiles | None = None) -> None:
        """With `tls`, clients may have TLS on a second port, `tls_port`."""
        self._program = find_program("rabbitmq-server", DEBIAN, install=INSTALL)
        self._epmd_program = find_program("epmd", "usr/bin/epmd", install=INSTALL)
        self.folder = Path(tempfile.mkdtemp(prefix="test-rabbitmq-"))
        self.port = free_port()
        self._management_port = free_port()
        self._distribution_port = free_port()
        self._epmd_port = free_port()
        self._server: ServerProcess | None = None
        self._epmd: ServerProcess | None = None
        self.tls_port = free_port()
        #: Virtual hosts that this run of the server has created.
        self._new: set[str] = set()
        self._write_config(tls)

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

    def url(self, vhost: str = "/") -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    @property
    def pid(self) -> int:
        """Of the server, and of the group of all that it has started. It has to run."""
        if self._server is None:
            raise ServerFailed("it is not running")
        return self._server.pid

    def start(self) -> None:
        """Start, unless it runs already, and wait until it takes connections."""
        if self._server is not None and self._server.is_running():
            return
        self._end(signal.SIGKILL)
        self._new.clear()
        # Erlang's port mapper would otherwise be started by the server and stay behind.
        self._epmd = ServerProcess(
            [self._epmd_program, "-port", str(self._epmd_port), "-address", "127.0.0.1"],
            log=self.folder / "epmd.log",
        )
        self._server = ServerProcess(
            [self._program],
            log=self.folder / "server.log",
            env=self._env(),
            scratch=self.folder,
        )
        self._server.wait_until(self._takes_connections)

    def stop(self) -> None:
        """Stop in order, as an operator would. The management plugin takes 5 s of it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`: no goodbye to clients, nothing flushed that was not flushed before."""
        time.sleep(REGISTRATION_S)
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self._end(signal.SIGKILL)
        self._delete_folder()

    def _delete_folder(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_vhost(self, name: str) -> str:
        """Make a virtual host, which shares nothing with the others; returns its URL."""
        self._manage("PUT", f"vhosts/{quote(name, safe='')}")
        self._new.add(name)
        return self.url(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its queues; its clients are disconnected."""
        self._manage("DELETE", f"vhosts/{quote(name, safe='')}")

    def forget(self, name: str) -> None:
        """Delete a virtual host that is no longer used: its idle queues take processor time.

        One from before a restart is kept, because RabbitMQ 3.10 may crash when it is deleted.
        """
        if name in self._new and self._server is not None and self._server.is_running():
            self._new.remove(name)
            self.delete_vhost(name)

    def import_definitions(self, definitions: Mapping[str, Any]) -> None:
        """Add virtual hosts, users and permissions. Source: RabbitMQ's guide to definitions."""
        self._manage("POST", "definitions", definitions)

    def raise_alarm(self) -> None:
        """Be short of memory: read nothing more from connections that publish."""
        self._control("set_vm_memory_high_watermark", "0.00001")

    def clear_alarm(self) -> None:
        self._control("set_vm_memory_high_watermark", "absolute", "1GiB")

    def _control(self, *arguments: str) -> None:
        program = find_program("rabbitmqctl", DEBIAN_CONTROL, install=INSTALL)
        command = [str(program), "-n", NODE, *arguments]
        subprocess.run(command, env=self._env(), check=True, capture_output=True, timeout=60)

    def _manage(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        # rabbitmqctl does the same, but boots an Erlang machine for each call.
        url = f"http://127.0.0.1:{self._management_port}/api/{path}"
        auth = ("guest", "guest")
        httpx.request(method, url, json=body, auth=auth, timeout=30.0).raise_for_status()

    def _end(self, sign: signal.Signals) -> None:
        for process in (self._server, self._epmd):
            if process is not None:
                process.end(sign)
        self._server = self._epmd = None

    def _takes_connections(self) -> bool:
        try:
            # A plain connection first, because pika logs each refused one at length.
            socket.create_connection(("127.0.0.1", self.port)).close()
            pika.BlockingConnection(pika.URLParameters(self.url())).close()
        except (OSError, AMQPError):
            return False
        return True

    def _write_config(self, tls: TlsFiles | None) -> None:
        config = CONFIG.format(port=self.port, management_port=self._management_port)
        if tls:
            config += TLS_CONFIG.format(port=self.tls_port, tls=tls)
        (self.folder / "rabbitmq.conf").write_text(config)
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        # An empty one, so that the machine's own /etc/rabbitmq/rabbitmq-env.conf is not read.
        (self.folder / "rabbitmq-env.conf").touch()

    def _env(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            # Where Erlang keeps the secret that nodes and tools share.
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Makes the start script become the server instead of waiting for it as its parent: the
            # process that is killed here is then the server itself, and is gone on return.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                # Nodes are listened for on the loopback only, and schedulers that have nothing
                # to do sleep instead of spinning: the cores are for the services under test.
                "-kernel inet_dist_use_interface {127,0,0,1}"
                " +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
        }
