"""43.VAE: an identifiable VAE whose training sees an image's own measured metadata.

>>> import vae
>>> world = vae.infer.get_infer_model("pomona")
>>> images = world.decode(world.sample(4))

Names are imported when they are first used, so that ``import vae`` costs nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Here alone, before whatever reads it is imported: the page, the shell and a run call nobody.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from vae.decoder import Decoder, create_decoder
    from vae.discriminator import Discriminator
    from vae.encoder import Encoder, create_encoder
    from vae.model import IvAE, create_43_vae

_HOMES = {
    "Encoder": "vae.encoder",
    "create_encoder": "vae.encoder",
    "Decoder": "vae.decoder",
    "create_decoder": "vae.decoder",
    "Discriminator": "vae.discriminator",
    "IvAE": "vae.model",
    "create_43_vae": "vae.model",
}
_MODULES = (
    "config",
    "data",
    "distributions",
    "editing",
    "encodings",
    "errors",
    "evaluation",
    "infer",
    "losses",
    "plots",
    "protocols",
    "renderer",
    "scene_diagnostics",
    "screening",
    "sliders",
    "tracker",
    "trainer",
    "utils",
)

__all__ = [
    "Decoder",
    "Discriminator",
    "Encoder",
    "IvAE",
    "create_43_vae",
    "create_decoder",
    "create_encoder",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"vae.{name}")
    raise AttributeError(f"module 'vae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
