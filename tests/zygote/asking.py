"""What the zygote is asked for, on its way through a socket. Imported by a process a command, so
it takes little from the library.
"""

import json
import socket

#: The request with an environment, in bytes. A socket takes messages of twice this length.
MAX_BYTES = 100_000


def ask(
    address: str,
    module: str,
    arguments: list[str],
    *,
    script: str,
    environment: dict[str, str],
    folder: str,
    streams: tuple[int, int, int],
    ignored: list[int],
) -> tuple[socket.socket, int]:
    """Have it fork; the connection to ask about the new process, and its pid. Raises OSError.

    `script` is what it finds as its own path, where that is not the module's. `streams` are
    descriptors for standard input, output and error; `ignored` signal numbers.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(address)
        request = {
            "module": module,
            "arguments": arguments,
            "script": script,
            "environment": environment,
            "folder": folder,
            "ignored": ignored,
        }
        socket.send_fds(connection, [json.dumps(request).encode()], streams)
        return connection, int(connection.recv(64) or b"0")
    except BaseException:
        connection.close()
        raise


def end_of(connection: socket.socket) -> int:
    """Wait for the end of the process; its status, below zero when a signal ended it.

    Raises OSError when the zygote has gone. Until this returns, the pid is nobody else's.
    """
    said = connection.recv(64)
    if not said:
        raise OSError("the zygote has ended")
    connection.shutdown(socket.SHUT_WR)
    # It closes its side when the process has left the system's table.
    connection.recv(64)
    return int(said)
