"""Packets that vanish: a rule of the kernel's firewall, so that no side is told anything.

Nobody refuses, nobody closes: acknowledgements, keepalives and new connections are lost like
everything else, as when a cable is pulled or a machine loses its power.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import eventually
from tools.servers.process import find_program

INSTALL = "install it with `apt-get install nftables`"


class FirewallRefused(Exception):
    """The kernel lets this process add no rule: it takes root, and in a container NET_ADMIN."""


class Firewall:
    """Rules of this process's own, which are gone with it however it ends."""

    def __init__(self) -> None:
        """Raises ServerMissing where there is no nft, and FirewallRefused."""
        self._nft = find_program("nft", "usr/sbin/nft", install=INSTALL)
        asked = self._run("list tables")
        if asked.returncode:
            raise FirewallRefused(f"packets can be dropped by root only: {asked.stderr.strip()}")

    @contextmanager
    def dropping(self, address: str, port: int) -> Iterator[None]:
        """Lose every packet to and from a server, until the block ends."""
        table = f"tests_{os.getpid()}_{port}"
        # The kernel deletes a table with the process that owns it: with this nft, which ends
        # at the end of its input.
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
    """Dropped where they arrive: where they leave, the sender would be told."""
    return f"""\
add table ip {table} {{ flags owner; }}
add chain ip {table} arriving {{ type filter hook input priority 0; }}
add rule ip {table} arriving ip daddr {address} tcp dport {port} drop
add rule ip {table} arriving ip saddr {address} tcp sport {port} drop
"""
