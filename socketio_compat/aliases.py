"""The packages of the originals by their own names, for programs whose imports cannot be changed."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

ORIGINALS = ("tornadio", "tornadio2")


def install_aliases() -> None:
    """Let ``import tornadio``, ``from tornadio2.conn import ...`` and the like give what is here, in this process.

    Before the first such import of the program. Installed packages of these names are not seen any more.
    """
    for name in ORIGINALS:
        package = import_module(f"socketio_compat.{name}")
        sys.modules[name] = package
        for module in pkgutil.iter_modules(package.__path__):
            sys.modules[f"{name}.{module.name}"] = import_module(f"{package.__name__}.{module.name}")
