"""A port that presents a certificate and does nothing else."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.certificates import serving
from tools.servers.tls import TlsFiles


class _Endpoint(socketserver.ThreadingTCPServer):
    daemon_threads = True
    context: ssl.SSLContext


class _Handshake(socketserver.BaseRequestHandler):
    server: _Endpoint

    def handle(self) -> None:
        # A client that refuses the certificate ends the handshake.
        with suppress(OSError):
            self.server.context.wrap_socket(self.request, server_side=True).close()


@contextmanager
def presenting(files: TlsFiles) -> Iterator[int]:
    """The port."""
    with _Endpoint(("127.0.0.1", 0), _Handshake) as endpoint:
        endpoint.context = serving(files)
        thread = threading.Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield int(endpoint.server_address[1])
        endpoint.shutdown()
