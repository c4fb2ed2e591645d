"""Requests to the zygote through its socket. Every command imports this module, so it imports
little itself.
"""

import json
import socket

#: The maximum size in bytes of a request with an environment; half of a socket's limit.
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
    """Request a fork; returns the connection for the new process, and its pid. Raises OSError.

    `script` is its `sys.argv[0]`, if not the module's path. `streams` are the descriptors for
    standard input, output and error; `ignored` are signal numbers.
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
    """Wait for the process to end; returns its status, negative for a signal.

    Raises OSError when the zygote has ended. The pid is not reused before this returns.
    """
    said = connection.recv(64)
    if not said:
        raise OSError("the zygote has ended")
    connection.shutdown(socket.SHUT_WR)
    # The zygote closes its side after the process has been reaped.
    connection.recv(64)
    return int(said)
