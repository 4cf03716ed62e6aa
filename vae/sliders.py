"""Sliders: directions in latent space, what they are measured to do, and their names.

A *style* slider stands for one attribute of the metadata. Its direction starts from the tied key
and is corrected with the decoder's mean response, so that the other attributes stay. A *form*
slider is a direction of z, found where the picture changes most for a standard deviation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.checkpoint import FORMAT, check_format
from vae.directions import decode_joined, style_directions
from vae.encodings import ATTRIBUTES, measure, to_rgba
from vae.errors import CheckpointError
from vae.losses import premultiply
from vae.model import IvAE
from vae.parallel import parallel_map
from vae.slider import Slider, strongest
from vae.utils import write_atomic

NUM_FORM = 12
REACH = 2.5
PLACES = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Where along a slider's travel pictures are looked at, in standard deviations."""
OUTSIDE, MOST = 4.0, 0.5
"""Standard deviations at which a picture has left the world, and the share that may leave it."""


@dataclass(frozen=True)
class SliderTable:
    """The sliders of a world and their directions; first of each kind what is seen most.

    Attributes:
        sliders: The rows.
        directions: (num_sliders, latent_dim + latent_key_dim), a move of +1.
    """

    sliders: tuple[Slider, ...]
    directions: Tensor

    def direction(self, name: str) -> Tensor:
        """The direction of a slider by name; KeyError where there is none."""
        for slider, direction in zip(self.sliders, self.directions, strict=True):
            if slider.name == name:
                return direction
        raise KeyError(name)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        rows = [
            s.as_row() | {"direction": [round(v, 6) for v in d.tolist()]}
            for s, d in zip(self.sliders, self.directions, strict=True)
        ]
        text = json.dumps({"format": FORMAT, "sliders": rows}, indent=1)
        write_atomic(path, (text + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> SliderTable:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: The file is damaged or of another version.
        """
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            check_format(path, content)
            rows = content["sliders"]
            directions = torch.tensor([row["direction"] for row in rows])
            return cls(tuple(Slider.from_row(row) for row in rows), directions)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path.name} is damaged; measure them again") from error


def sliders_of(folder: Path, model: IvAE) -> SliderTable:
    """Read a world's sliders; measure them, which takes a while, where it came without any."""
    path = folder / "sliders.json"
    if path.is_file() or model.density is None:
        return SliderTable.load(path)
    generator = torch.Generator().manual_seed(0)
    return build_slider_table(model, model.density.sample(256, generator=generator))


@torch.no_grad()
def build_slider_table(
    model: IvAE,
    latents: Tensor,
    *,
    num_pictures: int = 24,
    refine: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SliderTable:
    """Find a world's directions and measure them.

    Args:
        model: In evaluation mode.
        latents: Posterior means of training pictures (M, latent_dim + latent_key_dim).
        num_pictures: How many of them to measure on.
        refine: Take the time for purer directions, see :func:`vae.directions.style_directions`.
        progress: Called with (attributes whose direction is found, attributes).

    Returns:
        The table; gains and purities here are by the training measurers.
    """
    stride = max(1, len(latents) // num_pictures)
    probes = latents[::stride][:num_pictures]
    others = latents[stride // 2 :: stride][:num_pictures] if refine else None
    style = style_directions(model, probes, others=others, progress=progress)
    form = _form_directions(model, latents, probes)
    rows: list[tuple[Slider, Tensor]] = []
    pictures = decode_joined(model, probes)
    shape = _shape(pictures)
    measured = []
    for index, direction in style:
        seen, slider = _measure_style(model, probes, pictures, index, direction)
        measured.append((seen, slider, direction))
    measured.sort(key=lambda row: -row[0])
    rows.extend((slider, direction) for _, slider, direction in measured)
    taken: set[str] = set()
    for number, direction in enumerate(form, 1):
        key, gain, purity, spearman = _measure_form(model, probes, shape, direction, taken)
        name = SHAPE_WORDS[key] if key else f"form {number}"
        taken |= {key} if key else set()
        sign = -1 if gain < 0 else 1  # so that to the right is more of what the name says
        slider = Slider(
            name=name, kind="form", attribute=None, low=-REACH, high=REACH,
            gain=round(sign * gain, 4), purity=round(purity, 4), spearman=round(sign * spearman, 4),
        )  # fmt: skip
        rows.append((slider, sign * direction))
    return SliderTable(tuple(r[0] for r in rows), torch.stack([r[1] for r in rows]).cpu())


def _form_directions(model: IvAE, latents: Tensor, probes: Tensor) -> list[Tensor]:
    """Directions of z by how much the picture changes for one standard deviation.

    Eigenvectors of S G S, where S is the root of the covariance of z and G the mean of JᵀJ
    of the decoder at low resolution, by central differences.
    """
    dim = model.latent_dim
    z = latents[:, :dim]
    covariance = torch.cov(z.T).reshape(dim, dim) + 1e-6 * torch.eye(dim, device=z.device)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T
    probes = probes[:6]
    tail = torch.zeros(dim, model.latent_key_dim, device=z.device)

    def column(move: Tensor) -> Tensor:
        change = _small(model, probes + 0.5 * move) - _small(model, probes - 0.5 * move)
        return change.flatten(1)

    jacobian = torch.stack(parallel_map(column, torch.cat((root, tail), 1)), 1)  # (N, dim, pixels)
    gram = torch.einsum("nip,njp->ij", jacobian, jacobian) / len(probes)
    _, order = torch.linalg.eigh(gram)
    directions = (order.flip(1).T @ root)[: min(NUM_FORM, dim)]
    return list(torch.cat((directions, tail[: len(directions)]), 1))


def _small(model: IvAE, joined: Tensor) -> Tensor:
    picture = premultiply(decode_joined(model, joined))
    return torch.nn.functional.adaptive_avg_pool2d(picture, 16)


def _along(
    look: Callable[[Tensor], Tensor], probes: Tensor, direction: Tensor, rest: Tensor
) -> Tensor:
    """What is seen at `PLACES` along a direction, (T, N, ·); at rest it is known."""
    return torch.stack(parallel_map(lambda t: look(probes + t * direction) if t else rest, PLACES))


def _measure_style(
    model: IvAE, probes: Tensor, rest: Tensor, index: int, direction: Tensor
) -> tuple[float, Slider]:
    """How far the eye sees pictures change along a style direction, and the slider."""
    pictures = _along(partial(decode_joined, model), probes, direction, rest)
    path = torch.stack([model.standardizer(measure(x)) for x in pictures])
    seen = float((premultiply(pictures[-1]) - premultiply(pictures[0])).abs().mean())
    change = (path[-1] - path[0]).abs().mean(0) * model.standardizer.active  # (16,)
    gain = float((path[-1] - path[0])[:, index].mean()) / 4
    low, high = travel(path)
    return seen, Slider(
        name=ATTRIBUTES[index],
        kind="style",
        attribute=ATTRIBUTES[index],
        low=low,
        high=high,
        gain=round(gain, 4),
        purity=round(float(change[index] / change.sum().clamp_min(1e-6)), 4),
        spearman=round(float(rank_correlation(path[:, :, index]).mean()), 4),
        also=strongest(
            dict(zip(ATTRIBUTES, (change / 4).tolist(), strict=True)), ATTRIBUTES[index]
        ),
    )


def travel(path: Tensor) -> tuple[float, float]:
    """How far a slider goes to either side before most pictures leave the world.

    A picture has left where one of its attributes is beyond :data:`OUTSIDE`, to which no
    training picture comes near, and was not so at rest.

    Args:
        path: Attributes at :data:`PLACES`, (T, N, 16), standardised.

    Returns:
        The ends, standard deviations: :data:`REACH`, or half a step beyond the last place
        where at most :data:`MOST` of the pictures have left, and at least the innermost place.
    """
    out = path.abs() > OUTSIDE
    gone = (out & ~out[PLACES.index(0.0)]).any(2).float().mean(1)
    ends = []
    for side in (-1.0, 1.0):
        outward = [p for p in sorted(PLACES, key=abs) if p * side > 0]
        far = next((p for p in outward if gone[PLACES.index(p)] > MOST), None)
        ends.append(side * REACH if far is None else side * max(abs(far) - 0.5, 1.0))
    return ends[0], ends[1]


def rank_correlation(path: Tensor) -> Tensor:
    """Spearman correlation of each column of (T, N) with its row number, (N,)."""
    ranks = path.argsort(0).argsort(0).float()
    time = torch.arange(len(path), dtype=torch.float32, device=path.device)[:, None]
    ranks, time = ranks - ranks.mean(0), time - time.mean()
    return (ranks * time).sum(0) / (ranks.norm(dim=0) * time.norm()).clamp_min(1e-9)


SHAPE_WORDS = {
    "width": "width",
    "height": "height",
    "across": "position across",
    "down": "position down",
    "lean": "lean",
    "taper": "taper",
    "heart": "light at heart",
    "side_light": "light from the side",
    "top_light": "light from above",
}
"""What form is measured by, and the slider names it gives."""


def _shape(x: Tensor) -> Tensor:
    """Measure form of straight images: moments of alpha and where the light is, (N, 9).

    Opaque pictures use darkness for weight, as a figure on a light ground has it.
    """
    rgb, alpha = to_rgba(x)
    light = rgb.mean(1)
    mass = alpha[:, 0] if x.shape[1] == 4 else 1 - light
    side = x.shape[-1]
    axis = (torch.arange(side, device=x.device) + 0.5) / side - 0.5
    total = mass.sum((1, 2)).clamp_min(1e-6)

    def mean(field: Tensor) -> Tensor:
        return (mass * field).sum((1, 2)) / total

    column, row = axis[None, None, :].expand_as(mass), axis[None, :, None].expand_as(mass)
    across, down = mean(column), mean(row)
    dx, dy = column - across[:, None, None], row - down[:, None, None]
    width, height = mean(dx.square()).sqrt(), mean(dy.square()).sqrt()
    lean = mean(dx * dy) / (width * height).clamp_min(1e-6)
    taper = mean(dx.square() * dy) / (width.square() * height).clamp_min(1e-6)
    radius = (dx / width[:, None, None].clamp_min(1e-6)).square() + (
        dy / height[:, None, None].clamp_min(1e-6)
    ).square()
    centre = light - mean(light)[:, None, None]
    heart = mean(centre * (-radius).exp())
    side_light, top_light = mean(centre * dx), mean(-centre * dy)
    return torch.stack((width, height, across, down, lean, taper, heart, side_light, top_light), 1)


def _measure_form(
    model: IvAE, probes: Tensor, rest: Tensor, direction: Tensor, taken: Collection[str]
) -> tuple[str | None, float, float, float]:
    """What a direction of z does to form: the clearest measure, gain, purity, Spearman."""
    spread = rest.std(0).clamp_min(1e-4)
    path = _along(lambda x: _shape(decode_joined(model, x)), probes, direction, rest) / spread
    change = path[-1] - path[0]
    size = change.abs().mean(0)
    order = torch.stack([rank_correlation(path[:, :, j]).mean() for j in range(path.shape[2])])
    share = size / size.sum().clamp_min(1e-6)
    clear = (order.abs() > 0.8) & (share > 0.22) & (size > 1)
    name, best = _clearest(size * order.abs(), clear, taken)
    return name, float(change[:, best].mean()) / 4, float(share[best]), float(order[best])


def _clearest(effect: Tensor, clear: Tensor, taken: Collection[str]) -> tuple[str | None, int]:
    """Return the strongest clear measure that names no slider yet, and its place.

    Where there is none, no name and the place of the strongest.
    """
    keys = tuple(SHAPE_WORDS)
    order = effect.argsort(descending=True).tolist()
    free = (i for i in order if bool(clear[i]) and keys[i] not in taken)
    best = next(free, None)
    return (None, order[0]) if best is None else (keys[best], best)
