"""What a finished run tells of itself: the world's card, and ``training.json`` beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vae.tracker import Record

if TYPE_CHECKING:
    from vae.screening import Manifest

CURVE_ROWS = 12
_SPARKS = "▁▂▃▄▅▆▇█"


def training_json(
    manifest: Manifest,
    facts: Mapping[str, object],
    stages: Sequence[Mapping[str, Any]],
    records: Sequence[Record],
    *,
    run: str,
) -> bytes:
    """Return the bytes of ``training.json``: data hashes, consent, settings, curves, the run's id.

    No picture and no file name of the artist's is in it.
    """
    tests = [r for r in records if r.get("kind") == "test"]
    curves = [{k: v for k, v in r.items() if k != "pictures"} for r in tests]
    told = {
        "run": run,
        "facts": {key: str(value) for key, value in facts.items()},
        "consent": None if manifest.consent is None else asdict(manifest.consent),
        "content_screening": manifest.content_screening,
        "images": [{"original": v.sha256, "cleaned": v.clean_sha256} for v in manifest.kept],
        "images_sha256": manifest.digest(),
        "stages": [dict(stage) for stage in stages],
        "held_out": curves,
        "training": _thinned([r for r in records if r.get("kind") == "step"], 200),
    }
    return (json.dumps(told, indent=1) + "\n").encode()


def card_lines(manifest: Manifest, records: Sequence[Record]) -> list[str]:
    """Return the last lines of the card: data, consent, and the curve."""
    consent = manifest.consent
    lines = [
        "## Data",
        "",
        f"{len(manifest.kept)} images, {manifest.content_screening}. SHA-256 over their hashes:",
        f"`{manifest.digest()}`. The hash of each is in `training.json`; the images are not.",
        "",
    ]
    if consent is not None:
        lines += [f"Consent ({consent.when}, {consent.who or 'unnamed'}): {consent.sentence}", ""]
    return lines + _curve(records)


def _curve(records: Sequence[Record]) -> list[str]:
    tests = [r for r in records if r.get("kind") == "test" and "reconstruction" in r]
    if len(tests) < 2:
        return []
    values = [float(r["reconstruction"]) for r in tests]
    spark = "".join(_SPARKS[i] for i in _levels([values[i] for i in _places(len(values), 40)]))
    rows = [tests[i] for i in _places(len(tests), CURVE_ROWS)]
    return [
        "## Curve",
        "",
        f"Reconstruction loss of held-out images: `{spark}`",
        "",
        "| step | held out | KL z | KL key |",
        "|---|---|---|---|",
        *(
            f"| {r['step']} | {r['reconstruction']:.4f} | {_number(r, 'kl_z')} | "
            f"{_number(r, 'kl_key')} |"
            for r in rows
        ),
        "",
    ]


def _number(record: Record, name: str) -> str:
    return f"{record[name]:.2f}" if name in record else ""


def _places(n: int, most: int) -> list[int]:
    """At most ``most`` row numbers of ``n``, evenly, the first and the last among them."""
    if n <= most:
        return list(range(n))
    return [round(i * (n - 1) / (most - 1)) for i in range(most)]


def _thinned(records: Sequence[Record], most: int) -> list[Record]:
    return [records[i] for i in _places(len(records), most)]


def _levels(values: Sequence[float]) -> list[int]:
    low, high = min(values), max(values)
    return [round((v - low) / max(high - low, 1e-12) * (len(_SPARKS) - 1)) for v in values]
