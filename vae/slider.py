"""What is known of one slider; free of PyTorch, so that a page can be built before it loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

NUM_ALSO = 3
_CLEAR = 0.1
"""Standard deviations per unit below which a change is not worth a word."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a style slider was measured to do while the rest is held (`vae.holding`).

    Attributes:
        gain: As that of a slider.
        purity: As that of a slider.
        spearman: As that of a slider.
    """

    gain: float
    purity: float
    spearman: float


@dataclass(frozen=True, kw_only=True)
class Slider:
    """One slider of a world: a row of ``sliders.json`` without its direction.

    Attributes:
        name: The attribute, what the direction is measured to change, or ``form N``.
        kind: ``'style'`` or ``'form'``.
        attribute: The attribute a style slider stands for; None for form.
        low: Lowest position, in standard deviations of the training set.
        high: Highest position.
        gain: Change of what the slider is named for, in its standard deviations, per unit.
        purity: That change over the sum of the changes of all attributes, 0 to 1.
        spearman: Rank correlation of position and effect, -1 to 1.
        also: What else it moves most, strongest first: attribute and mean absolute change,
            standard deviations per unit. Empty where that was not measured.
        held: The same slider while the rest is held; None where that was not measured.
    """

    name: str
    kind: str
    attribute: str | None
    low: float
    high: float
    gain: float
    purity: float
    spearman: float
    also: tuple[tuple[str, float], ...] = ()
    held: Held | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the row of ``sliders.json``, where ``also`` is ``effects``, by attribute."""
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        del row["also"], row["held"]
        held = {} if self.held is None else {"held": asdict(self.held)}
        return row | ({"effects": dict(self.also)} if self.also else {}) | held

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Slider:
        """Read a row of ``sliders.json``; one without ``effects`` or ``held`` is older.

        Raises:
            KeyError, TypeError, ValueError: The row is damaged.
        """
        names = [field.name for field in fields(cls) if field.name not in ("also", "held")]
        effects = {str(name): float(size) for name, size in dict(row.get("effects", {})).items()}
        held = None if row.get("held") is None else Held(**row["held"])
        return cls(**{name: row[name] for name in names}, also=strongest(effects), held=held)


def strongest(
    effects: Mapping[str, float], own: str | None = None
) -> tuple[tuple[str, float], ...]:
    """Return the few effects beside the slider's own that are large enough to be told.

    Args:
        effects: Attribute → mean absolute change, standard deviations per unit.
        own: The attribute that the slider stands for.
    """
    others = [(n, round(abs(v), 3)) for n, v in effects.items() if n != own and abs(v) >= _CLEAR]
    return tuple(sorted(others, key=lambda item: -item[1])[:NUM_ALSO])
