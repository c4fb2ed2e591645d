"""A private Apache Kafka server: a single node that is both broker and controller."""

import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from orderctl.stack.ports import free_port
from tools.servers.process import ServerFailed, ServerMissing, ServerProcess, find_program

VERSION = "4.3.1"
LIBRARIES = Path(__file__).parents[2] / ".cache" / f"kafka-{VERSION}" / "libs"
INSTALL = "`tools/install-test-servers` fetches it"
INSTALL_JAVA = "install it with `apt-get install default-jre-headless` or `brew install openjdk`"
OLDEST_JAVA = 17

#: Small and quick to start, since a test's broker holds little and lives for a minute.
JAVA = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map={protocols}
controller.listener.names=CONTROLLER
inter.broker.listener.name={first}
log.dirs={folder}/data
# Each partition has files of this size, and after a kill all of them are gone through: 10 MiB
# are for more messages than a test sends.
log.index.size.max.bytes=65536
file.delete.delay.ms=1000
# How far a partition is on the disk for sure is written down so often; a test looks there.
log.flush.offset.checkpoint.interval.ms=500
# The first time comes after 30 s by default.
log.initial.task.delay.ms=500
# One node has nobody to copy anything to.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Who declares topics is a decision of the pipeline.
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# A killed consumer's partitions move after this; the default is 45 s, and with the new protocol
# a client cannot ask for less.
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=6000
# And a living one learns of a newcomer with its next heartbeat.
group.consumer.heartbeat.interval.ms=100
group.consumer.min.heartbeat.interval.ms=100
# Nor is the next assignment put off so that several changes share it.
group.consumer.assignment.interval.ms=0
group.consumer.min.assignment.interval.ms=0
# After a kill, the controller lets the broker come back when the old one counts as gone; 9 s is
# the default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""

LOGGING = """\
<Configuration>
  <Appenders><Console name="OUT"><PatternLayout pattern="%d %p %m (%c)%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="OUT"/></Root></Loggers>
</Configuration>
"""


@dataclass(frozen=True, kw_only=True)
class KafkaAccess:
    """How clients reach a Kafka: over these listeners, each with its protocol. `controller` is
    the protocol of the one that brokers use.

    `settings` are the server's, `format` words for the command that makes its folder, and
    `client` what its starter connects with, over the first listener.
    """

    listeners: Mapping[str, str]
    controller: str = "PLAINTEXT"
    #: The name by which clients are told to reach it: a certificate has to have it.
    host: str = "127.0.0.1"
    settings: Mapping[str, str] = field(default_factory=dict)
    format: Sequence[str] = ()
    client: Mapping[str, str] = field(default_factory=dict)


ANYBODY = KafkaAccess(listeners={"PLAINTEXT": "PLAINTEXT"})


class KafkaServer:
    """Starts empty; keeps its port and its data over stop, kill and start.

    Leaving its `with` block, or `close()`, deletes the data.
    """

    def __init__(self, access: KafkaAccess = ANYBODY) -> None:
        self._java = find_java()
        if not LIBRARIES.is_dir():
            raise ServerMissing(f"Apache Kafka {VERSION} is not installed; {INSTALL}")
        self.folder = Path(tempfile.mkdtemp(prefix="test-kafka-"))
        self._access = access
        #: By listener.
        self.ports = {name: free_port() for name in access.listeners}
        self.port = next(iter(self.ports.values()))
        self._server: ServerProcess | None = None
        (self.folder / "log4j2.xml").write_text(LOGGING)
        self._config.write_text(self._properties(free_port()))

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

    def url(self, prefix: str = "", **settings: object) -> str:
        """Topics and groups get `prefix`: tests that have one of their own share nothing."""
        query = "&".join(f"{name}={value}" for name, value in settings.items())
        return f"kafka://127.0.0.1:{self.port}/{prefix}{'?' if query else ''}{query}"

    @property
    def pid(self) -> int:
        """Of the server, and of the group of all that it has started. It has to run."""
        if self._server is None:
            raise ServerFailed("it is not running")
        return self._server.pid

    def start(self) -> None:
        """Start unless it is already running, and wait until it responds."""
        if self._server is not None and self._server.is_running():
            return
        self._end(signal.SIGKILL)
        if not (self.folder / "data").exists():
            self._format()
        self._server = ServerProcess(
            self._command("kafka.Kafka", self._config),
            log=self.folder / "server.log",
            scratch=self.folder,
        )
        self._server.wait_until(self._answers)

    def stop(self) -> None:
        """Stop gracefully: clients are notified and logs are closed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`. Confirmed records survive in the files."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget(self, prefix: str) -> None:
        """Delete the topics with this prefix: a start goes through all that there are."""
        admin = AdminClient(self._client())
        names = admin.list_topics(timeout=10).topics
        ours = [name for name in names if name.startswith(f"{prefix}.")]
        for deleted in (admin.delete_topics(ours) if ours else {}).values():
            deleted.result(10)

    def flushed(self, topic: str) -> int:
        """How many records of a topic a loss of power would leave, as Kafka itself notes it."""
        lines = (self.folder / "data" / "recovery-point-offset-checkpoint").read_text().splitlines()
        points = [line.split() for line in lines[2:]]
        return sum(int(offset) for name, _partition, offset in points if name == topic)

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    def _properties(self, controller_port: int) -> str:
        controller = {"CONTROLLER": controller_port}
        protocols = {"CONTROLLER": self._access.controller, **self._access.listeners}
        return CONFIG.format(
            listeners=_at("127.0.0.1", {**self.ports, **controller}),
            advertised=_at(self._access.host, self.ports),
            protocols=",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            first=next(iter(self.ports)),
            controller_port=controller_port,
            folder=self.folder,
        ) + "".join(f"{name}={value}\n" for name, value in self._access.settings.items())

    def _command(self, main: str, *words: str | Path) -> list[str | Path]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}"
        return [self._java, *JAVA, logging, "-cp", f"{LIBRARIES}/*", main, *words]

    def _format(self) -> None:
        """Format the folder with its cluster id."""
        words: list[str | Path] = [
            "format",
            "--cluster-id",
            "b3JkZXItcGlwZWxpbmUtMA",
            "--config",
            self._config,
            *self._access.format,
        ]
        formatted = subprocess.run(
            self._command("kafka.tools.StorageTool", *words),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if formatted.returncode:
            raise ServerFailed(formatted.stdout)

    def _end(self, sign: signal.Signals) -> None:
        if self._server is not None:
            self._server.end(sign)
        self._server = None

    def _answers(self) -> bool:
        try:
            AdminClient(self._client()).list_topics(timeout=0.5)
        except KafkaException:
            return False
        return True

    def _client(self) -> dict[str, str | int | float | bool]:
        # Silent, because each attempt before it listens would otherwise be a line of output.
        server = f"127.0.0.1:{self.port}"
        return {"bootstrap.servers": server, "log_level": 0, **self._access.client}


def _at(host: str, ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{host}:{port}" for name, port in ports.items())


def find_java() -> Path:
    """A Java that Kafka supports. Raises ServerMissing if there is none."""
    java = find_program("java", "opt/homebrew/opt/openjdk/bin/java", install=INSTALL_JAVA)
    asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', asked.stderr)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise ServerMissing(f"Kafka needs Java {OLDEST_JAVA} or newer; {INSTALL_JAVA}")
    return java
