"""One container: started and ended like a process, and removed together with its data."""

import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tools.servers.process import ServerFailed, ServerMissing, when_tests_end

COMPOSE = Path(__file__).parents[3] / "docker-compose.yml"
#: Seconds. `docker create` may have to download the image.
DOWNLOAD_SECONDS = 300.0
#: Seconds. Longer than any other command takes on a busy machine.
PATIENCE_SECONDS = 60.0


class Container:
    """`ports`: the port on 127.0.0.1 for each port of the container.

    `options` are those of `docker create`. Data outlives `end` and `start`, but not `remove` or the
    end of the tests.
    """

    def __init__(
        self,
        repository: str,
        *command: str,
        ports: Mapping[int, int],
        options: Sequence[str] = (),
    ) -> None:
        self.name = f"order-pipeline-tests-{uuid.uuid4().hex[:12]}"
        # It is there before the container, so that the container never outlives the tests.
        self._guard = when_tests_end('docker rm --force --volumes "$1"', self.name)
        published = [f"--publish=127.0.0.1:{own}:{inner}" for inner, own in ports.items()]
        words = ("create", f"--name={self.name}", *published, *options)
        try:
            _docker(*words, image_of(repository), *command, timeout=DOWNLOAD_SECONDS)
        except (OSError, subprocess.CalledProcessError) as error:
            self.remove()
            raise ServerMissing(f"{repository} in a container: {_reason(error)}") from error

    @property
    def pid(self) -> int:
        """The id of its first process, as this machine counts them (on Linux only)."""
        return int(self._inspect("{{.State.Pid}}"))

    def is_running(self) -> bool:
        return self._inspect("{{.State.Running}}") == "true"

    def start(self, ready: Callable[[], bool], *, timeout: float = 120.0) -> None:
        """Start, and poll `ready`; raise ServerFailed if the container ends or time is up."""
        _docker("start", self.name)
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.is_running() or time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} is not ready\n{self._log_tail()}")
            time.sleep(0.1)

    def end(self, sign: signal.Signals) -> None:
        """Send `sign` to the first process, and wait until the container has ended."""
        if self.is_running():
            _docker("kill", f"--signal={sign.name}", self.name)
            _docker("wait", self.name)

    def end_by(self, *command: str) -> None:
        """End by a command that runs inside, and wait until the container has ended."""
        if self.is_running():
            # The end of the container may kill the command before it reports success.
            with suppress(subprocess.CalledProcessError):
                self.run(*command)
            _docker("wait", self.name)

    def run(self, *command: str) -> None:
        """Run a command inside."""
        _docker("exec", self.name, *command)

    def remove(self) -> None:
        # The guard removes the container as soon as its standard input is closed.
        self._guard.communicate()

    def _inspect(self, template: str) -> str:
        return _docker("inspect", f"--format={template}", self.name).strip()

    def _log_tail(self) -> str:
        return _docker("logs", "--tail=30", self.name)


def image_of(repository: str) -> str:
    """The image, with the tag that Compose uses."""
    [image] = set(re.findall(rf"image: ({repository}:\S+)", COMPOSE.read_text()))
    return str(image)


def _docker(*words: str, timeout: float = PATIENCE_SECONDS) -> str:
    """The output of `docker`, with its errors; raises CalledProcessError if it fails."""
    done = subprocess.run(
        ["docker", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=timeout,
    )
    return done.stdout


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    return str(error.output if isinstance(error, subprocess.CalledProcessError) else error)
