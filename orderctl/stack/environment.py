"""Selects the shell variables that the started processes inherit."""

import os
from collections.abc import Mapping

#: Variables about this machine: paths, temporary files, text and time formats.
MACHINE = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "PYTHONHOME"),
    # For brokers behind TLS, and for read-only checkouts.
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
}


def of_the_machine(shell: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The shell's variables without those meant for particular programs.

    A stray LOG_LEVEL, CONCURRENCY, PGOPTIONS, PYTHONWARNINGS or HTTP_PROXY would change or stop a
    part. Callers pass each part's settings explicitly.
    """
    return {
        name: value for name, value in shell.items() if name in MACHINE or name.startswith("LC_")
    }
