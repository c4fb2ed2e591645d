"""Imports our processes' modules, except those that read the environment on import."""

import gc
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any

PACKAGES = ("shared", "services", "simulators", "orderctl")
#: Third-party modules that are only used by the excluded ones.
OTHERS = ("flask", "gunicorn.app.base", "gunicorn.workers.gthread", "structlog", "typer", "httpx")
#: On import it decides where a process stores its metrics.
LEFT_OUT = "prometheus_client"


class _LeftOut:
    """An importer that refuses one package."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> Any:
        if name.partition(".")[0] == LEFT_OUT:
            raise ImportError(name)


def preload() -> None:
    """Modules that import an excluded one are excluded too; each process imports them itself."""
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
    # Garbage collection in a process would copy the memory that it shares with the others.
    gc.collect()
    gc.freeze()
