"""Imports everything that processes of ours need, but for what looks at its surroundings then."""

import gc
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any

PACKAGES = ("shared", "services", "simulators", "orderctl")
#: Others' modules that come with nothing but what is left out.
OTHERS = ("flask", "gunicorn.app.base", "gunicorn.workers.gthread", "structlog", "typer", "httpx")
#: It decides, when it is imported, where a process counts.
LEFT_OUT = "prometheus_client"


class _LeftOut:
    """An importer that refuses one package."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> Any:
        if name.partition(".")[0] == LEFT_OUT:
            raise ImportError(name)


def preload() -> None:
    """Whatever imports what is left out is left out as well; each process imports these itself."""
    refusing = _LeftOut()
    sys.meta_path.insert(0, refusing)
    for name in OTHERS:
        importlib.import_module(name)
    for package in PACKAGES:
        for module in pkgutil.walk_packages([package], f"{package}."):
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                if str(error).partition(".")[0] != LEFT_OUT:
                    raise
    sys.meta_path.remove(refusing)
    # A collection in a process would write to the memory that it shares with all others.
    gc.collect()
    gc.freeze()
