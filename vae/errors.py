"""The error tree: every failure the library foresees is one of these.

::

    VAEError
    ├── ConfigError       a setting that is unknown or impossible
    ├── ShapeError        a tensor or image of the wrong shape, channels or range
    ├── ImageError        a file that is not a usable picture
    ├── DatasetError      a folder or collection that cannot be trained on
    ├── CheckpointError   a world or checkpoint that cannot be read or written
    └── TrainingError     a run that cannot start or go on

Messages are one sentence for hands: what was expected, what was found, what to do.
"""


class VAEError(Exception):
    """Base of every error raised on purpose by this library."""


class ConfigError(VAEError, ValueError):
    """A setting is unknown, or its value is impossible."""


class ShapeError(VAEError, ValueError):
    """A tensor has the wrong shape, channel count or value range."""


class ImageError(VAEError, ValueError):
    """A file or object is not a usable picture."""


class DatasetError(VAEError, ValueError):
    """A folder or a collection of images cannot be used."""


class CheckpointError(VAEError, RuntimeError):
    """A world or checkpoint cannot be read or written."""


class TrainingError(VAEError, RuntimeError):
    """A training run cannot start, or cannot go on."""


def sentence(error: Exception) -> str:
    """Return an error's words as a sentence, with a capital and a full stop."""
    text = str(error)
    return text[:1].upper() + text[1:].rstrip(".") + "."
