"""Drops packets with a rule of the kernel's firewall, so that neither side is notified.

Nothing is refused or closed: acknowledgements, keepalives and new connections are lost too, as when
a cable is pulled or a machine loses power.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import eventually
from tools.servers.process import find_program

INSTALL = "install it with `apt-get install nftables`"


class FirewallRefused(Exception):
    """This process may not add rules: that needs root, and in a container NET_ADMIN."""


class Firewall:
    """Firewall rules of this process, which end with it, also when it is killed."""

    def __init__(self) -> None:
        """Raises ServerMissing when nft is not installed, and FirewallRefused."""
        self._nft = find_program("nft", "usr/sbin/nft", install=INSTALL)
        asked = self._run("list tables")
        if asked.returncode:
            raise FirewallRefused(f"packets can be dropped by root only: {asked.stderr.strip()}")

    @contextmanager
    def dropping(self, address: str, port: int) -> Iterator[None]:
        """Drop every packet to and from a server until the block ends."""
        table = f"tests_{os.getpid()}_{port}"
        # The kernel deletes a table when its owner ends. The owner is this nft, which ends at the
        # end of its input.
        with subprocess.Popen(
            [self._nft, "--interactive"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as owner:
            assert owner.stdin is not None
            owner.stdin.write(_rules(table, address, port))
            owner.stdin.flush()
            eventually(lambda: "sport" in self._run(f"list table ip {table}").stdout)
            yield
            owner.stdin.close()
            owner.wait()
        assert self._run(f"list table ip {table}").returncode

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._nft, *command.split()], capture_output=True, text=True, check=False
        )


def _rules(table: str, address: str, port: int) -> str:
    """Rules that drop on arrival, since dropping on departure gives the sender an error."""
    return f"""\
add table ip {table} {{ flags owner; }}
add chain ip {table} arriving {{ type filter hook input priority 0; }}
add rule ip {table} arriving ip daddr {address} tcp dport {port} drop
add rule ip {table} arriving ip saddr {address} tcp sport {port} drop
"""
