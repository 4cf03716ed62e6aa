"""A run, as the page asks for it: what it will cost, its beginning, its course, its control.

Nothing here takes a path: runs are asked for by their names, and grants are never handed out to
the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.config import MIN_IMAGES
from vae.errors import ConfigError, DatasetError, TrainingError
from vae.ui.frames import as_text
from vae.ui.train_answer import Answer, Function, answered, named, spoken, whole_number
from vae.ui.train_desk import Desk
from vae.ui.train_request import read_request
from vae.ui.visitor import visitor
from vae.ui.words import TRAIN

if TYPE_CHECKING:
    from vae.ledger import Status

MAX_MINUTES = 24 * 60.0
_ACTS = ("pause", "resume", "stop", "save")


def run_functions(desk: Desk) -> list[Function]:
    """Return what may be asked about runs."""
    makers = (
        *(make_cost, make_train, make_watch, make_sheet, make_control, make_mirror, make_csv),
        make_forget_run,
    )
    return [make(desk) for make in makers]


def make_cost(desk: Desk) -> Function:
    """``cost``: what a run would take, from three real steps in a process of its own.

    ``start`` is the world it would start from.
    """

    def cost(data: Mapping[str, Any]) -> Answer:
        request = read_request(desk, data)
        estimate = desk.estimate(request)
        notes = [spoken(note) for note in estimate.notes]
        return plain(estimate) | {"notes": notes, "start": request.start}

    return answered(cost)


def make_train(desk: Desk) -> Function:
    """``train``: begin a run, or put it in the queue; ``{"id": …}``."""

    def train(data: Mapping[str, Any]) -> Answer:
        manifest = desk.manifest(named(data, "batch"))
        if data.get("consent") is not True:
            raise DatasetError(TRAIN["consent_needed"])
        if len(manifest.kept) < MIN_IMAGES:
            few = {"least": MIN_IMAGES, "kept": len(manifest.kept)}
            raise DatasetError(TRAIN["few_needed"].format(**few))
        request = read_request(desk, data, check_name=True)
        manifest.with_consent(TRAIN["consent"], who="page")
        return {"id": desk.jobs.submit(request, desk.jobs.grant(), visitor=visitor() or None)}

    return answered(train)


def make_watch(desk: Desk) -> Function:
    """``watch``: all runs, and of run ``id`` what is new ``since`` and the steps of its sheets.

    ``kept`` tells whether there is a sheet of the weights that became its world, too; ``live``,
    while it trains, when the sheet that is drawn tile by tile was last written, in ms.
    """

    def watch(data: Mapping[str, Any]) -> Answer:
        told: Answer = {"runs": [status_of(status) for status in desk.jobs.list()]}
        run = named(data, "id")
        if run and any(status["id"] == run for status in told["runs"]):
            records, after = desk.jobs.records(run, whole_number(data, "since"))
            told |= {"id": run, "records": [plain(record) for record in records], "next": after}
            told["steps"] = [step for step, _ in desk.jobs.pictures(run)]
            told["kept"] = desk.jobs.kept_picture(run) is not None
            live = desk.jobs.live_picture(run)
            told["live"] = None if live is None else live.stat().st_mtime_ns // 10**6
        return told

    return answered(watch)


def status_of(status: Status) -> Answer:
    """Return a run as the page is told of it, in the language that is spoken."""
    coach = {**status.coach, "sentence": spoken(status.coach.get("sentence", ""))}
    return plain(status, 15) | {"coach": coach, "message": spoken(status.message)}


def make_sheet(desk: Desk) -> Function:
    """``sheet``: pictures of run ``id`` at ``step``, or ``"kept"``, ``"live"``, as base64 WebP."""

    def sheet(data: Mapping[str, Any]) -> Answer:
        run = named(data, "id")
        of = {"kept": desk.jobs.kept_picture, "live": desk.jobs.live_picture}
        named_step = data.get("step")
        if isinstance(named_step, str) and named_step in of:
            path = of[named_step](run)
        else:
            path = dict(desk.jobs.pictures(run)).get(whole_number(data, "step"))
        if path is None:
            raise TrainingError(TRAIN["no_pictures"])
        return {"sheet": as_text(Path(path).read_bytes())}

    return answered(sheet)


def make_control(desk: Desk) -> Function:
    """``control``: pause, resume, stop, save, or extend run ``id`` by ``minutes``."""

    def control(data: Mapping[str, Any]) -> Answer:
        run, act = named(data, "id"), named(data, "act")
        if act == "extend":
            desk.jobs.extend(run, _minutes(data.get("minutes")))
        elif act in _ACTS:
            getattr(desk.jobs, act)(run)
        else:
            raise ConfigError(TRAIN["failed"])
        return {}

    return answered(control)


def make_mirror(desk: Desk) -> Function:
    """``mirror``: inventions of run ``id`` beside the nearest drawings, with a number each."""

    def mirror(data: Mapping[str, Any]) -> Answer:
        found = desk.jobs.mirror(named(data, "id"))
        rows = [
            {"sample": as_text(sample), "nearest": as_text(nearest), "number": round(number, 3)}
            for sample, nearest, number in found.rows
        ]
        return {"rows": rows, "score": found.score, "warning": spoken(found.warning)}

    return answered(mirror)


def make_csv(desk: Desk) -> Function:
    """``csv``: every record of run ``id`` as text, one a line."""

    def csv(data: Mapping[str, Any]) -> Answer:
        run = named(data, "id")
        return {"csv": csv_of(desk.jobs.records(run, 0)[0]), "name": f"{run}.csv"}

    return answered(csv)


def make_forget_run(desk: Desk) -> Function:
    """``forget_run``: take run ``id``, which is at rest, off the list; the page has asked."""

    def forget_run(data: Mapping[str, Any]) -> Answer:
        desk.jobs.forget(named(data, "id"), confirm=True)
        return {}

    return answered(forget_run)


def csv_of(records: list[dict[str, Any]]) -> str:
    """Return records as a table: kind, step, then every other number by name."""
    numbers = {key for r in records for key, value in r.items() if _is_number(value)} - {"step"}
    columns = ["kind", "step", *sorted(numbers)]
    lines = [[_cell(record.get(column)) for column in columns] for record in records]
    return "\n".join(",".join(line) for line in [columns, *lines]) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isidentifier() else ""
    return f"{value:.7g}" if _is_number(value) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _minutes(value: Any) -> float:
    if not _is_number(value) or not 0 < value <= MAX_MINUTES:
        raise ConfigError(TRAIN["failed"])
    return float(value)


def plain(value: Any, digits: int = 6) -> Any:
    """Return a value as JSON knows it: dataclasses as dicts, numbers that are none as null."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, Path):
        return value.name
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value
