"""The options of ``app.py``, and what is wrong with them."""

from __future__ import annotations

import argparse
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from vae.errors import ConfigError

_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the page is served.

    Attributes:
        host: Address to bind to.
        port: Port, 1…65535, or None for the first free one from 7860.
        share: Whether Gradio's tunnel opens the page to the world.
        password: What visitors must type, or None.
        world: A shipped name, a folder, or a hub id.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        classifier: Folder of a local ``transformers`` image-classification model that looks at
            what is laid out on the tab Train, or None.
        refuse: Its labels that refuse a picture; empty takes the usual names.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    password: str | None = None
    world: str = "pomona"
    device: str = "cpu"
    classifier: Path | None = None
    refuse: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ConfigError(f"expected a port from 1 to 65535, found {self.port}")
        if self.password is not None and not self.password.strip():
            raise ConfigError("expected some text after --password, found none")
        if not _DEVICE.fullmatch(self.device):
            expected = "cpu, cuda, cuda:N or mps"
            raise ConfigError(f"expected {expected} as --device, found {self.device!r}")
        if self.refuse and self.classifier is None:
            raise ConfigError(
                "expected --classifier FOLDER beside --refuse, which names its labels"
            )

    def admits(self, name: str, password: str) -> bool:
        """Return whether a visitor may come in: any name will do, the password must be right."""
        del name
        expected = (self.password or "").encode()
        return hmac.compare_digest(password.encode(), expected)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line.

    Raises:
        ConfigError: An option is unknown, or its value is impossible.
    """
    parser = _Parser(
        prog="app.py",
        description="Open the page: drag sliders, and a picture with real transparency follows.",
        epilog="Behind a reverse proxy, name its public host in the variable VAE_HOSTS.",
    )
    parser.add_argument("--host", default=Options.host, help="address to serve at (%(default)s)")
    parser.add_argument("--port", type=int, help="port (default: the first free from 7860)")
    parser.add_argument("--share", action="store_true", help="open a public link")
    parser.add_argument("--password", help="what visitors must type to come in")
    parser.add_argument(
        "--world", default=Options.world, help="name, folder or hub id (%(default)s)"
    )
    parser.add_argument("--device", default=Options.device, help="cpu, cuda, cuda:1, mps (cpu)")
    parser.add_argument(
        "--classifier", type=Path, help="folder of a local image classifier, for the tab Train"
    )
    parser.add_argument(
        "--refuse", metavar="LABEL", action="append", default=[], help="label of the classifier"
    )
    found = vars(parser.parse_args(arguments))
    found["refuse"] = tuple(found["refuse"])
    return Options(**found)
