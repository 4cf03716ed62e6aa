"""How strong the grain of a picture is, as one more slider of every world.

It is no direction of the latents but a factor of the noise that the decoder lays on: 1 where the
slider stands at zero, none at -1, twice as much at +1. As a slider it goes wherever the others go:
undo, links, recipes, the filmstrip, the field of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vae.slider import Slider
from vae.ui.sliders import STEP

if TYPE_CHECKING:
    from torch import Tensor

    from vae.infer import Latents, World
    from vae.ui.state import PictureState

GRAIN = Slider(
    name="grain strength",
    kind="surface",
    attribute=None,
    low=-1.0,
    high=1.0,
    gain=1.0,
    purity=1.0,
    spearman=1.0,
)


def with_grain(sliders: Sequence[Slider]) -> tuple[Slider, ...]:
    """Return a world's sliders and the one of grain; one of its own by that name gives way."""
    return (*(slider for slider in sliders if slider.name != GRAIN.name), GRAIN)


def grain_of(state: PictureState) -> float:
    """Return how strong the grain of a state is, 0 to 2, 1 as trained."""
    return 1.0 + state.moves.get(GRAIN.name, 0.0)


def without_grain(state: PictureState) -> dict[str, float]:
    """Return the moves of a state that move its latents."""
    return {name: value for name, value in state.moves.items() if name != GRAIN.name}


def own_grain(world: World, picture: Tensor, latents: Latents) -> float:
    """Return where the slider stands for the grain a picture (1, C, H, W) has itself."""
    strength = world.grain_of(picture, latents).item()
    return round(round((strength - 1) / STEP) * STEP, 2)
