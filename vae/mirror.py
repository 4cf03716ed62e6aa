"""The memorisation mirror: each sample beside the training picture nearest to it, and a number.

Distance. Both pictures premultiplied by alpha, averaged down to 32², root mean square difference
over pixels and channels, the smaller one of the picture and its mirror image. So it sees what the
eye sees at a glance, not grain.

Number. One minus the distance over the typical distance (the median) of a training picture to its
own nearest neighbour, cut to [0, 1]: 0 is as far from every training picture as they are from each
other, 1 is one of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vae.ledger import MIRROR
from vae.pixels import encode_image, premultiply, shrink, to_floats
from vae.utils import write_atomic

SIDE = 32
SHOWN = 9
COPY = 0.75
"""From this number on a sample is called near to a copy."""
WARN_SHARE = 0.2
"""Share of samples near to copies from which the artist is warned."""
_FILE = "mirror.json"


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """What the mirror shows of a run.

    Attributes:
        rows: PNG of a sample, PNG of its nearest training picture, and the number, 0 to 1.
        score: Mean number of all samples that were looked at; None before the end of a run.
        copies: Share of them that are near to copies.
        warning: A sentence, or nothing.
    """

    rows: tuple[tuple[bytes, bytes, float], ...] = ()
    score: float | None = None
    copies: float = 0.0
    warning: str = ""

    def save(self, folder: Path) -> None:
        """Write into a run's folder, the list last."""
        for i, (sample, nearest, _) in enumerate(self.rows):
            write_atomic(folder / MIRROR / f"{i}-sample.png", sample)
            write_atomic(folder / MIRROR / f"{i}-nearest.png", nearest)
        told = {
            "numbers": [number for *_, number in self.rows],
            "score": self.score,
            "copies": self.copies,
            "warning": self.warning,
        }
        write_atomic(folder / MIRROR / _FILE, (json.dumps(told, indent=1) + "\n").encode())

    @staticmethod
    def remove(folder: Path) -> None:
        """Take it out of a run's folder; its pictures are replaced by the next one's."""
        (folder / MIRROR / _FILE).unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path) -> Mirror:
        """Read what :meth:`save` wrote; empty where there is nothing yet."""
        home = folder / MIRROR
        try:
            told = json.loads((home / _FILE).read_text(encoding="utf-8"))
            rows = tuple(
                (
                    (home / f"{i}-sample.png").read_bytes(),
                    (home / f"{i}-nearest.png").read_bytes(),
                    float(number),
                )
                for i, number in enumerate(told["numbers"])
            )
            return cls(
                rows=rows, score=told["score"], copies=told["copies"], warning=told["warning"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            return cls()


def look(samples: np.ndarray, training: np.ndarray) -> Mirror:
    """Hold samples against the training pictures.

    Args:
        samples: (N, S, S, 4) straight, uint8; the first :data:`SHOWN` become rows.
        training: (M, S, S, 4) likewise, at least 2.
    """
    seen, known = _small(samples), _small(training)
    mirrored = _flat(known.reshape(len(known), SIDE, SIDE, 4)[:, :, ::-1])
    known = _flat(known)
    near = np.minimum(_distances(_flat(seen), known), _distances(_flat(seen), mirrored))
    among = np.minimum(_distances(known, known), _distances(known, mirrored))
    np.fill_diagonal(among, np.inf)
    typical = max(float(np.median(among.min(1))), 1e-6)
    numbers = np.clip(1 - near.min(1) / typical, 0, 1)
    nearest = near.argmin(1)
    rows = tuple(
        (
            encode_image(samples[i], "png"),
            encode_image(training[nearest[i]], "png"),
            round(float(numbers[i]), 3),
        )
        for i in range(min(SHOWN, len(samples)))
    )
    copies = float((numbers >= COPY).mean())
    return Mirror(
        rows=rows,
        score=round(float(numbers.mean()), 3),
        copies=round(copies, 3),
        warning=_warning(copies, len(training)),
    )


def _warning(copies: float, num_images: int) -> str:
    if copies < WARN_SHARE:
        return ""
    share = "almost all samples" if copies > 0.8 else f"{round(100 * copies)} % of the samples"
    more = "more images" if num_images < 200 else "a shorter run"
    return f"{share.capitalize()} are close to copies of a training image: {more} would vary more."


def _small(pictures: np.ndarray) -> np.ndarray:
    """Premultiplied floats, averaged down to (N, 32, 32, 4); a few at a time."""
    parts = [
        premultiply(shrink(to_floats(pictures[i : i + 64]), SIDE))
        for i in range(0, len(pictures), 64)
    ]
    return np.concatenate(parts)


def _flat(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean square differences of rows, (len(a), len(b))."""
    a, b = a.astype(np.float64), b.astype(np.float64)  # small differences of large sums
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0) / a.shape[1])
