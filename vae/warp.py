"""How an edit moves a silhouette: a smooth warp, which moves a picture of other shapes as well.

A slider of form makes the world's fruit taller, or lets it lean. On a drawing that the world only
knows roughly the difference of the two outlines would be laid as a ghost beside its own. So the
warp that carries the one silhouette nearest to the other is found, and the drawing is warped by it,
detail and all; what the warp does not explain is left to `vae.change`.

References:
    Baker and Matthews (2004), Lucas-Kanade 20 years on, IJCV 56: Gauss-Newton on a parametric warp.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vae.edge_change import is_cut_out, ramp
from vae.errors import ShapeError
from vae.losses import premultiply, straighten
from vae.windows import boxed, in_cells

TERMS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
"""Powers of x and y of the six terms of a displacement, from the middle of the square."""
_RIDGE = (1e-4, 5e-4, 6e-3)  # by degree: to move is cheap, to bend is dear
_STEPS, _REACH = 5, 2  # of Gauss-Newton; cells by which silhouettes are smoothed, twice
_EXPLAINED = (0.3, 0.7)
"""Share of the squared difference from which a warp counts, and from which it counts whole."""
_MOVED = (0.01, 0.03)  # the difference itself, root mean square of alpha
_ALIKE = (0.7, 0.8)  # how much of both silhouettes is common to picture and world, of all of both
_LOOKS, _GROWTH = 256, 0.25
"""How closely it is looked where a picture ends once it is warped; and by how much of its longer
side it may grow at each edge."""
_TAPS = 3  # pixels around a place that the cubic interpolation looks at

Box = tuple[float, float, float, float]
Part = tuple[int, int, int, int]


@dataclass(frozen=True)
class Warp:
    """A displacement of the square, of the second degree.

    Attributes:
        coefficients: (N, 2, 6), of `TERMS`: from how far across and down each place is fetched, in
            halves of the side. All 0: nothing moves.
    """

    coefficients: Tensor

    @classmethod
    def fit(cls, before: Tensor, after: Tensor, shown: Tensor) -> Warp:
        """Find the warp that carries one silhouette of a world to another.

        Args:
            before: Alpha (N, 1, S, S) in [0, 1].
            after: The same, edited.
            shown: Alpha of the pictures that are to be warped. Those of another silhouette are left
                where they are, and so are full rectangles: a photograph has no shape to bend.

        Raises:
            ShapeError: The shapes differ.
        """
        if not before.shape == after.shape == shown.shape or before.shape[1] != 1:
            shapes = ", ".join(str(tuple(x.shape)) for x in (before, after, shown))
            raise ShapeError(f"three alphas of one shape are needed, found {shapes}")
        old, new, own = (boxed(in_cells(x), _REACH, 2) for x in (before, after, shown))
        side = old.shape[-1]
        terms = _terms(side).to(old).flatten(1)  # (6, P)
        ridge = old.new_tensor([_RIDGE[sum(powers)] for powers in TERMS]).repeat(2)
        slopes = (_differences(old, 3) * side / 4, _differences(old, 2) * side / 4)
        every = torch.cat((old, *slopes), 1)
        wanted, found = new.flatten(1), old.flatten(1)
        first = (wanted - found).square().mean(1)
        common = torch.minimum(old, own).sum((1, 2, 3)) / torch.maximum(old, own).sum((1, 2, 3))
        share = ramp(first.sqrt(), _MOVED) * ramp(common.nan_to_num(), _ALIKE)
        share = share * is_cut_out(shown)
        coefficients = old.new_zeros(len(old), 2, len(TERMS))
        if not share.any():  # as of most edits of style: nothing to look for
            return cls(coefficients)
        for _ in range(_STEPS):
            value, *slope = _fetched(every, coefficients).flatten(2).split(1, 1)
            found = value[:, 0]
            ways = torch.cat([terms * each for each in slope], 1)  # (N, 12, P)
            pull = (ways @ (wanted - found)[..., None])[..., 0] / side**2
            pull = pull - ridge * coefficients.flatten(1)
            step = torch.linalg.solve(ways @ ways.mT / side**2 + ridge.diag(), pull)
            coefficients = coefficients + step.view_as(coefficients)
        found = _fetched(old, coefficients).flatten(1)
        explained = 1 - (wanted - found).square().mean(1) / first.clamp_min(1e-9)
        share = share * ramp(explained, _EXPLAINED)
        return cls(coefficients * share[:, None, None])

    @property
    def moves(self) -> bool:
        """Whether anything moves at all."""
        return bool(self.coefficients.any())

    def numbers(self) -> list[float]:
        """Return the twelve coefficients of one warp, those across first."""
        return self.coefficients.flatten().tolist()

    def lay_on(self, picture: Tensor) -> Tensor:
        """Return straight squares (N, 4, S, S), warped."""
        if not self.moves:
            return picture
        return straighten(_fetched(premultiply(picture), self.coefficients, "bicubic"))

    def frame(self, pixels: np.ndarray, box: Box) -> Part:
        """Return the part of the plane, in a picture's pixels, that holds it and what it becomes.

        Args:
            pixels: The picture, (H, W, 4) straight bytes.
            box: Where it lies on the square: left, top, right, bottom, in shares of the side.
        """
        height, width = pixels.shape[:2]
        step = max(1, max(height, width) // _LOOKS)
        more = int(_GROWTH * max(height, width)) // step * step
        wide = (-more, -more, width + more, height + more)
        x, y = (place.floor().long().numpy() for place in self._from(pixels, box, wide, step))
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        seen = inside & (pixels[y.clip(0, height - 1), x.clip(0, width - 1), 3] > 0)
        if not seen.any():
            return 0, 0, width, height
        (left, right), (top, bottom) = (
            np.flatnonzero(seen.any(axis))[[0, -1]] * step - more for axis in (0, 1)
        )
        far = 2 * step  # what lies between two looks
        return (
            max(-more, int(left) - far) if left < 0 else 0,
            max(-more, int(top) - far) if top < 0 else 0,
            min(width + more, int(right) + far) if right >= width else width,
            min(height + more, int(bottom) + far) if bottom >= height else height,
        )

    def draw(self, pixels: np.ndarray, box: Box, part: Part) -> Tensor:
        """Warp a part of a picture of any size.

        Args:
            pixels: The whole picture, (H, W, 4) straight bytes.
            box: Where it lies on the square: left, top, right, bottom, in shares of the side.
            part: What is wanted, in its pixels: left, top, right, bottom; it may go beyond.

        Returns:
            Straight (1, 4, bottom - top, right - left) in [0, 1].
        """
        height, width = pixels.shape[:2]
        x, y = self._from(pixels, box, part)
        first = min(max(int(y.min()) - _TAPS, 0), height - 1)
        last = min(max(int(y.max()) + 1 + _TAPS, first + 1), height)
        rows = torch.from_numpy(np.array(pixels[first:last])).permute(2, 0, 1)[None]
        grid = torch.stack((2 * x / width - 1, 2 * (y - first) / (last - first) - 1), -1)[None]
        rows = premultiply(rows.float() / 255)
        found = F.grid_sample(rows, grid, mode="bicubic", align_corners=False)
        return straighten(found).to(self.coefficients)

    def _from(
        self, pixels: np.ndarray, box: Box, part: Part, step: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Return where the pixels of a part are fetched from, in pixels of the picture."""
        lines = []
        for axis in (0, 1):
            size = pixels.shape[1 - axis]
            low, high = box[axis], box[axis + 2]
            at = torch.arange(part[axis], part[axis + 2], step) + 0.5
            lines.append((2 * (low + (high - low) * at / size) - 1, low, high, size))
        down, across = torch.meshgrid(lines[1][0], lines[0][0], indexing="ij")
        places = torch.stack((across, down), -1)
        places = _moved(places, _terms_at(places), self.coefficients[:1].cpu())[0]
        x, y = (
            ((places[..., axis] + 1) / 2 - low) / (high - low) * size
            for axis, (_, low, high, size) in enumerate(lines)
        )
        return x, y


def _differences(values: Tensor, axis: int) -> Tensor:
    """Return differences over two cells along an axis, 0 at the edges."""
    wide = values.narrow(axis, 2, values.shape[axis] - 2) - values.narrow(
        axis, 0, values.shape[axis] - 2
    )
    return F.pad(wide, (1, 1, 0, 0) if axis == 3 else (0, 0, 1, 1))


@lru_cache(maxsize=8)
def _places(side: int) -> Tensor:
    """Return where the pixels' centres are, (side, side, 2): x and y from -1 to 1."""
    line = (2 * torch.arange(side) + 1) / side - 1
    down, across = torch.meshgrid(line, line, indexing="ij")
    return torch.stack((across, down), -1)


@lru_cache(maxsize=8)
def _terms(side: int) -> Tensor:
    return _terms_at(_places(side))


def _terms_at(places: Tensor) -> Tensor:
    """Return the terms of places (H, W, 2), (6, H, W)."""
    across, down = places.unbind(-1)
    return torch.stack([across**i * down**j for i, j in TERMS])


def _moved(places: Tensor, terms: Tensor, coefficients: Tensor) -> Tensor:
    """Return where places (H, W, 2) of these terms are fetched from, (N, H, W, 2)."""
    return places + torch.einsum("ndk,khw->nhwd", coefficients, terms)


def _fetched(values: Tensor, coefficients: Tensor, mode: str = "bilinear") -> Tensor:
    """Return values (N, C, S, S) warped; nothing is beyond the square."""
    side = values.shape[-1]
    grid = _moved(_places(side).to(values), _terms(side).to(values), coefficients)
    return F.grid_sample(values, grid, mode=mode, align_corners=False)
