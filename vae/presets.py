"""The artist's presets: which protocols, one after another, for how many minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vae.config import choose, positive
from vae.errors import ConfigError
from vae.protocols import LENGTHS, Protocol, get_protocol

JUDGE_FROM = 100
"""Pictures from which a judge helps; with fewer it learns them by heart."""
JUDGE_SHARE = 0.35
"""Share of a proper run's time that is spent against the judge."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A kind of run.

    Attributes:
        name: ``'taste'``, ``'proper'`` or ``'scratch'``.
        minutes: Of training; the new world is there some seconds later.
        summary: What it does, one sentence.
        needs_world: Whether it starts from a world.
        replay: Share of the batch drawn from the start world, against forgetting.
        passes: Over the training pictures, at most, where no length is asked for: with more a few
            are learned by heart. None is without bound.
        judge_after: The same of the stage before the judge's, which then has the rest of the time.
        cpu_batch: Pictures a step where there is no GPU; None leaves it to the protocol.
        settings: Of its protocols, to replace.
    """

    name: str
    minutes: float
    summary: str
    needs_world: bool = True
    replay: float = 0.0
    passes: float | None = None
    judge_after: float | None = None
    cpu_batch: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


PRESETS = (
    Preset(
        name="taste",
        minutes=0.7,
        summary="About a minute: the world takes on your colours and shapes.",
        # Far less than the protocol's: nearer to the pictures in the same seconds, and the curves
        # grow by three points a second and more. With 5 or 4 it learns less. The closed loop
        # looks at one of them: that keeps the sliders as they were and leaves a fifth more steps.
        cpu_batch=6,
        # More of them are learned by heart (tests/benchmarks/taste.py), and a quick processor has
        # these behind it in a part of the minute.
        passes=24.0,
        # What little pictures teach is learned by heart as the rate falls. Without the fall, with
        # a longer average and less of the key's KL, pictures never seen come out 4 to 6 % nearer;
        # twice the closed loop gives back what that takes of the sliders' purity. Ten or thirty
        # come out 4 % nearer at this rate than at the protocol's, two hundred as near.
        settings={
            **{"lr": 5e-4, "cosine": False, "ema_warmup": 3.0},
            **{"beta_key": 5e-5, "loop_weight": 1.2e-2},
        },
    ),
    Preset(
        name="proper",
        minutes=20.0,
        summary="Twenty minutes: closer to your hand, with a judge of texture from "
        f"{JUDGE_FROM} images on.",
        replay=0.125,
        # Of 181 drawings those held out came no nearer after 90, in half of the stage's time.
        judge_after=90.0,
    ),
    Preset(
        name="scratch",
        minutes=60.0,
        summary="From nothing, an hour and more, for some hundreds of images.",
        needs_world=False,
    ),
)
NAMES = tuple(preset.name for preset in PRESETS)
OWN = ("replay", "tensorboard")
"""What may be changed beside the settings of a protocol: see there, and `vae.tracker`."""


def get_preset(name: str) -> Preset:
    """Return a preset by name.

    Raises:
        ConfigError: There is none of that name.
    """
    choose("preset", name, NAMES)
    return PRESETS[NAMES.index(name)]


def stages(
    preset: Preset, changes: Mapping[str, Any], *, num_images: int, device: str = "cpu"
) -> tuple[Protocol, ...]:
    """Return the protocols of a run, in order; each carries the length of the whole.

    Args:
        preset: Of :data:`PRESETS`.
        changes: Settings to replace in every stage, and what :data:`OWN` names.
        num_images: The judge comes only where there are :data:`JUDGE_FROM`.
        device: A step on a GPU is too short to be looked at each time.

    Raises:
        ConfigError: A setting is unknown, or a value impossible.
    """
    settings = {k: v for k, v in changes.items() if k not in OWN}
    if settings.pop("adversarial", None) not in (None, True, False):
        raise ConfigError("adversarial must be True or False")
    own: dict[str, Any] = {
        "log_every": 1 if device == "cpu" else 10,
        "save_every": 20.0,
        "minutes": preset.minutes,
        **preset.settings,
    }
    if device == "cpu" and preset.cpu_batch is not None:
        own["batch_size"] = own["loop_stride"] = preset.cpu_batch
    if "steps" in settings or "epochs" in settings:
        del own["minutes"]
    first = "finetune" if preset.needs_world else "pretrain"
    found = [get_protocol(first, **(own | settings))]
    judged = changes.get("adversarial", preset.name == "proper" and num_images >= JUDGE_FROM)
    if judged:
        softer = {"lr": 2e-4} if "lr" not in settings else {}
        found.append(get_protocol("adversarial", **(own | softer | settings)))
    return tuple(found)


def most_steps(
    preset: Preset,
    changes: Mapping[str, Any],
    *,
    num_training: int,
    batch_size: int,
    judged: bool = False,
) -> int | None:
    """Return the steps after which a preset's first stage has had its passes; None: no bound.

    Args:
        preset: Of :data:`PRESETS`.
        changes: Settings that were asked for; a length among them is kept to.
        num_training: Pictures, without those held out.
        batch_size: Pictures a step.
        judged: Whether a stage against the judge follows.
    """
    passes = preset.judge_after if judged else preset.passes
    if passes is None or any(changes.get(name) is not None for name in LENGTHS):
        return None
    return max(1, round(passes * num_training / batch_size))


def replay_share(preset: Preset, changes: Mapping[str, Any]) -> float:
    """Return the share of the batch drawn from the start world.

    Raises:
        ConfigError: It is not from 0 to 0.5.
    """
    share = changes.get("replay", preset.replay)
    return positive("replay", share, 0, 0.5) if preset.needs_world else 0.0
