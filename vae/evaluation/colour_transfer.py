"""Plain colour transfer, the baseline of style: Reinhard et al. (2001).

Every channel of lαβ is shifted and scaled to the mean and deviation of the reference. It knows
colour alone: texture and transparency stay as they are.

References:
    Reinhard, Ashikhmin, Gooch & Shirley (2001), Color transfer between images. IEEE CG&A 21(5).
    Ruderman, Cronin & Chiao (1998), for lαβ.
"""

from __future__ import annotations

import numpy as np

from vae.errors import ShapeError
from vae.pixels import to_bytes, to_floats

_TO_LMS = np.array(
    [[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]]
)  # eq. 4
_TO_LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
"""log LMS → lαβ, eq. 6; orthogonal, so that its transpose leads back."""

DARKEST = 1 / 255  # log 0 is nothing


def reinhard(images: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Give pictures the colours of references, one each; alpha stays.

    Means and deviations are weighted by alpha. RGB is taken as it is stored, at least 1/255 and
    at most 1. A picture of which nothing is seen, or beside such a reference, stays as it is.

    Args:
        images: (N, H, W, 4) straight; uint8, or floats in [0, 1].
        references: (N, H', W', 4) likewise.

    Returns:
        uint8 (N, H, W, 4).

    Raises:
        ShapeError: They are not RGBA, or not as many.
    """
    for some in (images, references):
        if some.ndim != 4 or some.shape[-1] != 4 or len(some) != len(images):
            raise ShapeError(
                "expected as many references (N, H, W, 4) as pictures, found "
                f"{images.shape} and {references.shape}"
            )
    pairs = zip(images, references, strict=True)
    return np.stack([_transfer(to_floats(a), to_floats(b)) for a, b in pairs])


def rgb_to_lalphabeta(rgb: np.ndarray) -> np.ndarray:
    """Return lαβ (…, 3) of RGB (…, 3) in [0, 1], float64; base 10 as in the paper."""
    return np.log10(np.clip(rgb, DARKEST, 1.0).astype(np.float64) @ _TO_LMS.T) @ _TO_LAB.T


def lalphabeta_to_rgb(colours: np.ndarray) -> np.ndarray:
    """Return RGB (…, 3) of lαβ (…, 3), not clipped."""
    return 10.0 ** (colours @ _TO_LAB) @ np.linalg.inv(_TO_LMS).T


def _transfer(picture: np.ndarray, reference: np.ndarray) -> np.ndarray:
    own, other = (rgb_to_lalphabeta(some[..., :3]) for some in (picture, reference))
    if min(picture[..., 3].sum(), reference[..., 3].sum()) <= 0:
        return to_bytes(picture)
    mean, deviation = _moments(own, picture[..., 3])
    goal_mean, goal_deviation = _moments(other, reference[..., 3])
    scale = np.where(deviation > 1e-6, goal_deviation / np.maximum(deviation, 1e-6), 1.0)
    rgb = lalphabeta_to_rgb((own - mean) * scale + goal_mean)
    return to_bytes(np.concatenate([rgb, picture[..., 3:]], axis=-1))


def _moments(colours: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation (3,) of colours (H, W, 3) weighted by alpha (H, W)."""
    weight = alpha / alpha.sum(dtype=np.float64)
    mean = np.einsum("hw,hwc->c", weight, colours)
    return mean, np.sqrt(np.einsum("hw,hwc->c", weight, (colours - mean) ** 2))
