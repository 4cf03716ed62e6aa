"""Sliders: directions in latent space, what they are measured to do, and their names.

A *style* slider stands for one attribute of the metadata. Its direction starts from the tied key
and is corrected with the decoder's mean response, so that the other attributes stay. A *form*
slider is a direction of z, found where the picture changes most for a standard deviation.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.checkpoint import FORMAT, check_format
from vae.distributions import Latents
from vae.encodings import ATTRIBUTES, measure, to_rgba
from vae.errors import CheckpointError
from vae.losses import premultiply
from vae.model import IvAE
from vae.slider import Slider, strongest
from vae.utils import write_atomic

NUM_FORM = 12
REACH = 2.5
STEP = 1.0
"""Half the move, in standard deviations, over which responses are measured."""


@dataclass(frozen=True)
class SliderTable:
    """The sliders of a world, strongest first within each kind, and their directions.

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
            raise CheckpointError(f"{path.name} is damaged; measure the sliders again") from error


@torch.no_grad()
def build_slider_table(model: IvAE, latents: Tensor, *, num_pictures: int = 24) -> SliderTable:
    """Find a world's directions and measure them.

    Args:
        model: In evaluation mode.
        latents: Posterior means of training pictures (M, latent_dim + latent_key_dim).
        num_pictures: How many of them to measure on.

    Returns:
        The table; gains and purities here are by the training measurers.
    """
    stride = max(1, len(latents) // num_pictures)
    probes = latents[::stride][:num_pictures]
    style = _style_directions(model, probes)
    form = _form_directions(model, latents, probes)
    rows: list[tuple[Slider, Tensor]] = []
    for index, direction in style:
        rows.append((_measure_style(model, probes, index, direction), direction))
    rows.sort(key=lambda row: -abs(row[0].gain * row[0].spearman))
    taken: set[str] = set()
    for number, direction in enumerate(form, 1):
        key, gain, purity, spearman = _measure_form(model, probes, direction, taken)
        name = SHAPE_WORDS[key] if key else f"form {number}"
        taken |= {key} if key else set()
        sign = -1 if gain < 0 else 1  # so that to the right is more of what the name says
        slider = Slider(
            name=name, kind="form", attribute=None, low=-REACH, high=REACH,
            gain=round(sign * gain, 4), purity=round(purity, 4), spearman=round(sign * spearman, 4),
        )  # fmt: skip
        rows.append((slider, sign * direction))
    return SliderTable(tuple(r[0] for r in rows), torch.stack([r[1] for r in rows]).cpu())


def _decode(model: IvAE, joined: Tensor) -> Tensor:
    config = model.config
    size = config.image_size if config is not None else None
    split = (model.latent_dim, model.latent_key_dim)
    chunks = [model.decode(Latents(*c.split(split, 1)), size=size) for c in joined.split(32)]
    return torch.cat(chunks)


def _scores(model: IvAE, joined: Tensor) -> Tensor:
    """Standardised metadata of decoded latents, (N, 16)."""
    return model.standardizer(measure(_decode(model, joined)))


def _responses(model: IvAE, probes: Tensor) -> Tensor:
    """Change of every attribute of every picture for +1 of each key, (N, key, 16)."""
    steps = STEP * torch.eye(probes.shape[1], device=probes.device)[model.latent_dim :]
    changes = [_scores(model, probes + d) - _scores(model, probes - d) for d in steps]
    return torch.stack(changes, 1) / (2 * STEP)


def _style_directions(model: IvAE, probes: Tensor) -> list[tuple[int, Tensor]]:
    """Combine the key's dimensions so that each attribute moves alone: (attribute, move) pairs."""
    response = _responses(model, probes)  # (N, key, 16)
    active = [j for j in range(len(ATTRIBUTES)) if model.standardizer.active[j] > 0]
    directions = []
    for column, j in enumerate(active):
        direction = purest_direction(response[:, :, active], column)
        if direction is not None:
            content = direction.new_zeros(model.latent_dim)
            directions.append((j, torch.cat((content, direction))))
    return directions


def purest_direction(
    response: Tensor, own: int, *, ridge: float = 0.05, rounds: int = 30, longest: float = 4.0
) -> Tensor | None:
    """Return the move of the key that changes one attribute by 1 and the others least.

    "Least" is the sum over attributes of the mean absolute change of a picture, as purity counts
    it: side effects that differ from picture to picture do not cancel. Solved by iteratively
    reweighted least squares.

    Args:
        response: Change of each attribute of each picture for +1 of each key, (N, key, J).
        own: Column of the attribute to move.
        ridge: Weight of the move's squared length.
        rounds: Times the weights are set anew.
        longest: Greatest length of the move, where the attribute hardly follows.

    Returns:
        (key,), or None where the attribute follows no key.

    References:
        Daubechies et al. (2010), "Iteratively reweighted least squares", arXiv:0807.0575
    """
    num, width, attributes = response.shape
    target = response[:, :, own].mean(0)
    others = [a for a in range(attributes) if a != own]
    rows = response[:, :, others].transpose(1, 2).reshape(-1, width)  # (N * others, key)
    weight = torch.ones(len(rows), device=rows.device)
    direction = torch.zeros_like(target)
    for _ in range(rounds):
        gram = (rows * weight[:, None]).T @ rows / num
        solved = torch.linalg.solve(gram + ridge * torch.eye(width, device=rows.device), target)
        reached = float(solved @ target)
        if reached < 1e-6:
            return None
        direction = solved / reached
        weight = 1 / ((rows @ direction).abs() + 0.02)
    return direction * min(1.0, longest / float(direction.norm()))


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
    probes = probes[:12]
    columns = []
    for direction in root:
        move = torch.cat((direction, torch.zeros(model.latent_key_dim, device=z.device)))
        change = _small(model, probes + 0.5 * move) - _small(model, probes - 0.5 * move)
        columns.append(change.flatten(1))
    jacobian = torch.stack(columns, 1)  # (N, dim, pixels)
    gram = torch.einsum("nip,njp->ij", jacobian, jacobian) / len(probes)
    _, order = torch.linalg.eigh(gram)
    directions = (order.flip(1).T @ root)[: min(NUM_FORM, dim)]
    tail = torch.zeros(len(directions), model.latent_key_dim, device=z.device)
    return list(torch.cat((directions, tail), 1))


def _small(model: IvAE, joined: Tensor) -> Tensor:
    picture = premultiply(_decode(model, joined))
    return torch.nn.functional.adaptive_avg_pool2d(picture, 16)


def _measure_style(model: IvAE, probes: Tensor, index: int, direction: Tensor) -> Slider:
    positions = torch.linspace(-2, 2, 5)
    path = torch.stack([_scores(model, probes + float(t) * direction) for t in positions])
    change = (path[-1] - path[0]).abs().mean(0) * model.standardizer.active  # (16,)
    gain = float((path[-1] - path[0])[:, index].mean()) / 4
    return Slider(
        name=ATTRIBUTES[index],
        kind="style",
        attribute=ATTRIBUTES[index],
        low=-REACH,
        high=REACH,
        gain=round(gain, 4),
        purity=round(float(change[index] / change.sum().clamp_min(1e-6)), 4),
        spearman=round(float(rank_correlation(path[:, :, index]).mean()), 4),
        also=strongest(
            dict(zip(ATTRIBUTES, (change / 4).tolist(), strict=True)), ATTRIBUTES[index]
        ),
    )


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
    model: IvAE, probes: Tensor, direction: Tensor, taken: Collection[str]
) -> tuple[str | None, float, float, float]:
    """What a direction of z does to form: the clearest measure, gain, purity, Spearman."""
    spread = _shape(_decode(model, probes)).std(0).clamp_min(1e-4)
    positions = torch.linspace(-2, 2, 5)
    path = torch.stack([_shape(_decode(model, probes + float(t) * direction)) for t in positions])
    path = path / spread
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
