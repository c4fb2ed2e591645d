"""`python -m tests.zygote FOLDER`: the zygote. FOLDER gets its socket, and a `python`,
and is removed in the end.
"""

import shutil
import socket
import sys
from pathlib import Path

from tests.zygote.becoming import become
from tests.zygote.preloading import preload
from tests.zygote.server import Server

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    preload()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(folder / "socket"))
    listener.listen(64)
    # Clients wait for this line.
    print("ready", flush=True)
    request = Server(listener, sys.stdin.fileno()).serve()
    if request:
        become(request, str(folder / "python"), sys.path[1:])
    else:
        # The process that created the folder may have been killed.
        shutil.rmtree(folder, ignore_errors=True)
