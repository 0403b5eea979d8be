"""The one distribution of the project: packages, dependencies, commands and plug-ins. Settings of tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import Extension, find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "([^"]+)"$', (HERE / "hbpush" / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
if VERSION is None:
    raise SystemExit('setup.py: hbpush/__init__.py has no line __version__ = "..."')

# picows is pinned to the minor: one adapter uses a constructor that its documentation does not promise.
REQUIRED = [
    "tornado>=6.5,<7",
    "PyYAML>=6,<7",
    "redis[hiredis]>=5,<9",
    "sockjs-tornado>=1.0.7,<2",
    "msgspec>=0.19,<1",
    "httptools>=0.6.4,<1",
    "picows>=2.3,<2.4",
    "prometheus_client>=0.20,<1",
    'uvloop>=0.21,<1; sys_platform != "win32"',
]

EXTRAS = {
    "test": ["pytest>=9.0", "pytest-xdist>=3.6", "hypothesis>=6.100", "setuptools>=70.1", "supervisor>=4.3,<5", "docutils>=0.22"],
    "lint": ["ruff>=0.17,<0.18", "mypy>=2.4,<3", "import-linter>=2.3", "types-PyYAML"],
}
EXTRAS["all"] = sorted({requirement for extra in EXTRAS.values() for requirement in extra})

# Optional: without a compiler, or the headers of Python, the same is done in Python.
SPEEDUPS = Extension("hbpush.web.speedups", ["hbpush/web/speedups.c"], optional=True)

setup(
    name="hbpush",
    version=VERSION[1],
    description="Push server: a message published once reaches every subscriber, whatever push protocol it speaks",
    long_description=(HERE / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    author="The hbpush authors",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["hbpush*", "tyron*", "socketio_compat*", "sethpusher*"]),
    ext_modules=[SPEEDUPS],
    package_data={"": ["py.typed", "*.pyi"], "hbpush.console": ["page/*"], "hbpush.stores": ["scripts/*.lua"]},
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [
            "hbpushd = hbpush.daemon.cli:command",
            "tornado_tyron = tyron.cli:command",
            "seth-pusher = sethpusher.default_server:command",
        ],
        "hbpush.locations": [
            "console = hbpush.console.location:ConsoleLocation",
            "health = hbpush.status.location:HealthLocation",
            "publisher = hbpush.relay.location:PublisherLocation",
            "subscriber = hbpush.relay.location:SubscriberLocation",
            "socketio = socketio_compat.location:SocketIOLocation",
            "socketio06 = socketio_compat.location06:SocketIO06Location",
            "sethpusher = sethpusher.location:SethPusherLocation",
            "status = hbpush.status.location:StatusLocation",
            "tyron = tyron.location:TyronLocation",
        ],
        "hbpush.stores": [
            "memory = hbpush.stores.memory:MemoryStore",
            "redis = hbpush.stores.redis:RedisStore",
        ],
        "hbpush.commands": [
            "publish = hbpush.relay.commands.publish:main",
            "subscribe = hbpush.relay.commands.subscribe:main",
            "channels = hbpush.relay.commands.channels:main",
            "bench = hbpush.relay.commands.bench:main",
        ],
    },
    classifiers=[
        "Environment :: No Input/Output (Daemon)",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3 :: Only",
        "Topic :: Internet :: WWW/HTTP :: HTTP Servers",
    ],
)
