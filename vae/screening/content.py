"""The optional content check: a local ``transformers`` image-classification model of the user's.

None is shipped and none is fetched. It sees fresh pixels only, never a file. Where there is none,
the manifest says "not screened for content", and nothing ever says that a picture is safe.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae.errors import ConfigError
from vae.screening.manifest import NOT_SCREENED, ScreeningSettings

UNSAFE_WORDS = ("nsfw", "porn", "hentai", "sexy", "explicit", "unsafe", "nude", "gore", "violen")
_NEGATIONS = ("not ", "not_", "non", "no_", "no ", "un-", "safe for")


class ContentCheck:
    """A classifier, asked for the probability of the labels that refuse a picture.

    Attributes:
        description: For the manifest: the model's folder name and its labels.
    """

    def __init__(self, folder: Path, labels: Sequence[str] = (), threshold: float = 0.5) -> None:
        """Load the model; nothing is fetched, nothing unpickled, none of its own code runs.

        Raises:
            ConfigError: The folder holds no such model, or it has none of the labels.
            ImportError: ``transformers`` is not installed.
        """
        transformers = importlib.import_module("transformers")
        _config_of(folder)
        local = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._processor = transformers.AutoImageProcessor.from_pretrained(str(folder), **local)
            self._model = transformers.AutoModelForImageClassification.from_pretrained(
                str(folder), use_safetensors=True, **local
            ).eval()
        except Exception as error:  # transformers raises many kinds
            raise ConfigError(f"{folder} is no usable image-classification model") from error
        self._refused = _refusing(self._model.config.id2label, labels)
        self._threshold = threshold
        wanted = ", ".join(self._refused.values())
        self.description = f"checked by {folder.name} for {wanted} (from {threshold:g} on)"

    def refused_label(self, rgba: np.ndarray) -> str | None:
        """Return the label that refuses straight uint8 pixels (H, W, 4), or None."""
        import torch

        picture = Image.fromarray(rgba)
        ground = Image.new("RGBA", picture.size, "white")
        ground.alpha_composite(picture)
        inputs: Any = self._processor(images=ground.convert("RGB"), return_tensors="pt")
        with torch.inference_mode():
            chances = self._model(**inputs).logits.float().softmax(-1)[0]
        index = max(self._refused, key=lambda i: float(chances[i]))
        likely = float(chances[list(self._refused)].sum()) >= self._threshold
        return self._refused[index] if likely else None


def require(folder: Path, labels: Sequence[str] = ()) -> None:
    """Find out whether a content check can be, as far as that is told without loading it.

    Args:
        folder: Of a local image-classification model.
        labels: Of it, that refuse a picture; empty takes the usual names.

    Raises:
        ConfigError: The folder holds no such model, it has none of the labels or lacks one, or
            ``transformers`` is not installed.
    """
    names = _config_of(folder).get("id2label")
    if not _has_transformers():
        raise ConfigError("the content check needs the library transformers: install it first")
    if isinstance(names, dict):
        _refusing(names, labels)


def _config_of(folder: Path) -> Mapping[str, Any]:
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder} is no folder of an image-classification model")
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise ConfigError(f"{folder} is no usable image-classification model")
    return config


def _has_transformers() -> bool:
    try:
        return importlib.util.find_spec("transformers") is not None
    except ValueError:  # it is imported, in an odd way
        return True


def _refusing(names: Mapping[Any, Any], labels: Sequence[str]) -> dict[int, str]:
    """Return the labels of a model that refuse a picture, by their index."""
    found = {int(i): str(name) for i, name in names.items()}
    refused = {i: name for i, name in found.items() if _is_refused(name, labels)}
    if not refused or set(labels) - set(found.values()):
        known = ", ".join(found.values())
        raise ConfigError(f"name the labels that refuse a picture; the model has {known}")
    return refused


def _is_refused(name: str, labels: Sequence[str]) -> bool:
    if labels:
        return name in labels
    lower = name.lower()
    return not lower.startswith(_NEGATIONS) and any(word in lower for word in UNSAFE_WORDS)


def load_check(settings: ScreeningSettings) -> tuple[ContentCheck | None, str, list[str]]:
    """Return the check, what the manifest says of it, and notes.

    Raises:
        ConfigError: The user named a folder that cannot be used.
    """
    if settings.classifier is None:
        return None, NOT_SCREENED, []
    try:
        check = ContentCheck(
            settings.classifier, settings.classifier_labels, settings.classifier_threshold
        )
    except ImportError:
        note = "The content check was not used: the library transformers is not installed."
        return None, NOT_SCREENED, [note]
    return check, check.description, []
