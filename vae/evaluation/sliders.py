"""A slider does one thing: rank correlation, gain and purity by an independent measurer.

Every picture is moved along one slider at a time and measured at each place. Attributes are put
on one scale by a `Reference` of real pictures, so that a change of 1 is one standard deviation
of the data. For slider j, picture i and attribute a, let the slope s(i, a) be the least-squares
change of the standardised attribute a per standard deviation of slider travel. Then

* Spearman is the mean over pictures of the rank correlation of attribute j with the place;
* gain is the mean over pictures of s(i, j): 1 says the slider moves what it promises;
* leakage(j, a) is the mean over pictures of |s(i, a)|;
* purity is max(gain, 0) over the sum of leakage(j, a) over all attributes that vary in the data.

Purity is strict: absolute values are taken before the mean, so side effects that differ from
picture to picture do not cancel, and a slider that runs backwards has none. Attributes also hang
together by their nature (more colourful is more varied), so even a perfect model stays below 1.

Out of gamut is the share of what is seen whose colour sits at a limit of its channel, 0 or 255,
at the ends of travel; the share at rest stands beside it. There a slider only seems to move on.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm, rankdata
from threadpoolctl import threadpool_limits  # comes with scikit-learn

from vae.errors import DatasetError
from vae.evaluation.measures import LIMITS, measure_batch, measure_with_limits
from vae.evaluation.rows import pick
from vae.pixels import to_bytes, to_pixels

if TYPE_CHECKING:
    from torch import Tensor

    from vae.infer import Latents, World

Table = Mapping[str, np.ndarray]
Measurer = Callable[[np.ndarray], Table]
CHUNK = 32  # pictures decoded and measured at one time


@dataclass(frozen=True)
class Reference:
    """How every attribute is spread over real pictures, for rank-to-Gauss standardisation.

    Attributes:
        knots: {attribute that varies: its quantiles at `SCORES`, increasing}.
        deviations: {attribute that varies: its plain standard deviation}.
    """

    knots: dict[str, np.ndarray]
    deviations: dict[str, float]

    SCORES = np.linspace(-2.5, 2.5, 41)

    @classmethod
    def fit(cls, measured: Table) -> Reference:
        """Return the reference of measured real pictures, {attribute: (N,)}.

        Raises:
            DatasetError: Fewer than 8 pictures.
        """
        knots, deviations = {}, {}
        for name, values in measured.items():
            if len(values) < 8:
                raise DatasetError(
                    f"expected at least 8 pictures to standardise by, found {len(values)}; "
                    "give a larger folder"
                )
            deviation = float(np.std(values))
            if deviation > 1e-6 + 1e-4 * float(np.abs(values).mean()):
                quantiles = np.quantile(values, norm.cdf(cls.SCORES))
                # Ties would make the map a jump: tilt it by a hundredth of the deviation.
                knots[name] = quantiles + 0.01 * deviation * cls.SCORES
                deviations[name] = deviation
        return cls(knots, deviations)

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that vary."""
        return tuple(self.knots)

    def standardise(self, measured: Table) -> np.ndarray:
        """Return (N, attributes that vary) in standard deviations.

        Linear between the quantiles; beyond ±2.5 the plain standard deviation is the unit, so
        that a slider that leaves the range of the data is still seen to move.
        """
        return np.stack([self._scores(name, measured[name]) for name in self.names], axis=-1)

    def _scores(self, name: str, values: np.ndarray) -> np.ndarray:
        knots = self.knots[name]
        beyond = values - np.clip(values, knots[0], knots[-1])
        return np.interp(values, knots, self.SCORES) + beyond / self.deviations[name]


@dataclass(frozen=True, kw_only=True)
class SliderScore:
    """What one style slider does, measured.

    Attributes:
        name: The slider.
        attribute: What it promises to move.
        spearman: Mean over pictures of the rank correlation, -1 to 1.
        spearman_median: Their median.
        gain: Standard deviations of the attribute per standard deviation of travel.
        purity: Own change over all change, 0 to 1.
        effects: {attribute: mean signed change}, standard deviations per standard deviation.
        leakage: {attribute: mean absolute change}.
        out_of_gamut: Share of what is seen that is at a limit of a colour channel, 0 to 1, mean
            of both ends of travel; 0 where the measurer does not tell.
        at_rest: The same with the slider in the middle.
    """

    name: str
    attribute: str
    spearman: float
    spearman_median: float
    gain: float
    purity: float
    effects: dict[str, float]
    leakage: dict[str, float]
    out_of_gamut: float = 0.0
    at_rest: float = 0.0


def measure_sliders(
    world: World,
    latents: Latents,
    *,
    reference: Reference,
    span: float = 2.0,
    steps: int = 9,
    measure: Measurer = measure_with_limits,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
    move: Callable[[Mapping[str, float]], Latents] | None = None,
    draw: Callable[[Latents], Tensor] | None = None,
) -> list[SliderScore]:
    """Return a score for every style slider whose attribute varies in the data.

    Args:
        world: The world to judge.
        latents: Of pictures it has not seen.
        reference: Of real pictures, made by the same measurer.
        span: Travel to either side, standard deviations.
        steps: Places along the way, ends included; at least 3.
        measure: (N, H, W, 4) straight uint8 → {attribute: (N,)}. Must be importable by name
            where `workers` is more than 0.
        workers: Processes that measure while this one decodes; 0 does both here.
        progress: Called with (sliders done, sliders in all).
        move: How the pictures are moved, where not by `world.move`.
        draw: How all pictures are drawn, where not by `world.decode`: straight (N, C, S, S).
    """
    move = move or partial(world.move, latents)
    draw = draw or partial(_in_chunks, world)
    style = [
        slider
        for slider in world.sliders
        if slider.kind == "style" and slider.attribute in reference.names
    ]
    places = np.linspace(-span, span, steps)
    scores = []
    with _measuring(measure, workers) as submit:
        for done, slider in enumerate(style, start=1):
            pending = [
                submit(to_bytes(to_pixels(pictures)))
                for place in places
                for pictures in draw(move({slider.name: float(place)})).split(CHUNK)
            ]
            tables = [result() for result in pending]
            rows = np.concatenate([reference.standardise(table) for table in tables])
            values = rows.reshape(steps, len(latents.z), -1)
            assert slider.attribute is not None  # one of reference.names
            score = _score(slider.name, slider.attribute, reference.names, places, values)
            if LIMITS in tables[0]:
                limits = np.concatenate([table[LIMITS] for table in tables])
                score = _with_limits(score, limits.reshape(steps, -1).mean(axis=1))
            scores.append(score)
            if progress is not None:
                progress(done, len(style))
    return scores


def fit_reference(images: Tensor, *, workers: int = 0, num: int = 2000) -> Reference:
    """Return the reference of straight uint8 training images (N, C, S, S), at most `num`."""
    chosen = pick(images, num).permute(0, 2, 3, 1).numpy()
    return Reference.fit(measure_in_parts(chosen, workers=workers))


def measure_in_parts(
    images: np.ndarray, *, measure: Measurer = measure_batch, workers: int = 0
) -> dict[str, np.ndarray]:
    """Return the attributes of many pictures (N, H, W, C), a part at a time."""
    with _measuring(measure, workers) as submit:
        parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
        tables = [result() for result in [submit(part) for part in parts]]
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _score(
    name: str, attribute: str, names: tuple[str, ...], places: np.ndarray, values: np.ndarray
) -> SliderScore:
    """Return the score of one slider from standardised values (steps, N, attributes)."""
    own = names.index(attribute)
    slopes = np.tensordot(places, values, axes=1) / (places @ places)  # (N, attributes)
    correlations = rank_correlation(places, values[..., own])
    effects, leakage = slopes.mean(axis=0), np.abs(slopes).mean(axis=0)
    gain, change = float(effects[own]), float(leakage.sum())
    return SliderScore(
        name=name,
        attribute=attribute,
        spearman=float(correlations.mean()),
        spearman_median=float(np.median(correlations)),
        gain=gain,
        purity=max(gain, 0.0) / change if change > 0 else 0.0,
        effects=dict(zip(names, effects.tolist(), strict=True)),
        leakage=dict(zip(names, leakage.tolist(), strict=True)),
    )


def _with_limits(score: SliderScore, limits: np.ndarray) -> SliderScore:
    """Add the shares out of gamut, from those (steps,) along the way."""
    ends, middle = (limits[0] + limits[-1]) / 2, limits[len(limits) // 2]
    return replace(score, out_of_gamut=float(ends), at_rest=float(middle))


def rank_correlation(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return Spearman's ρ (N,) of each column of `values` (steps, N); 0 for a constant one."""
    x = rankdata(places) - (len(places) + 1) / 2
    y = rankdata(values, axis=0) - (len(places) + 1) / 2
    spread = np.sqrt((x @ x) * (y**2).sum(axis=0))
    return np.where(spread > 0, (x @ y) / np.maximum(spread, 1e-12), 0.0)


def _in_chunks(world: World, latents: Latents) -> Tensor:
    """Return the pictures of latents, straight (N, C, S, S), drawn a part at a time."""
    import torch

    pairs = zip(latents.z.split(CHUNK), latents.key.split(CHUNK), strict=True)
    with torch.inference_mode():
        return torch.cat([world.decode(latents._replace(z=z, key=key)) for z, key in pairs])


@contextmanager
def _measuring(
    measure: Measurer, workers: int
) -> Iterator[Callable[[np.ndarray], Callable[[], Table]]]:
    """Give a function that begins to measure pictures and returns how to get the result."""
    if workers == 0:

        def here(pictures: np.ndarray) -> Callable[[], Table]:
            table = measure(pictures)
            return lambda: table

        yield here
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    # One thread each: workers that all take every core only wait for one another.
    with ProcessPoolExecutor(workers, context, threadpool_limits, (1,)) as pool:
        yield lambda pictures: pool.submit(measure, pictures).result
