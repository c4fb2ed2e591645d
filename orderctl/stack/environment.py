"""Which variables of the shell reach the processes that we start."""

import os
from collections.abc import Mapping

#: How this machine runs programs: where they are, where files go, how text and times are written.
MACHINE = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "PYTHONHOME"),
    # A broker may be reached by TLS; a checkout may be read-only.
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
}


def of_the_machine(shell: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The shell's variables without what somebody set for other programs, or for one of ours.

    LOG_LEVEL, CONCURRENCY, PGOPTIONS, PYTHONWARNINGS or HTTP_PROXY, which lie about in a shell,
    would change or stop a part. What a part is to know, whoever starts it says.
    """
    return {
        name: value for name, value in shell.items() if name in MACHINE or name.startswith("LC_")
    }
