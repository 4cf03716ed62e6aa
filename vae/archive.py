"""Worlds as single ZIP files, to take to another machine; names that are safe; deleting.

An imported ZIP is not trusted: it may hold the files of one world and nothing else, each of a
bounded size whatever the ZIP says of itself; nothing in it is unpickled, and no name in it becomes
a path.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from vae.errors import CheckpointError, ConfigError, VAEError
from vae.shelf import REQUIRED, WEIGHTS, tend, tray
from vae.utils import write_atomic
from vae.zips import DAMAGED, METHODS

OWN_FILE = "training.json"
"""How a world was trained; the mark of one that was made or imported here, not shipped."""
MAX_BYTES = {
    "config.json": 64 * 2**10,
    "sliders.json": 8 * 2**20,
    "README.md": 2**20,
    "README.zh.md": 2**20,
    OWN_FILE: 16 * 2**20,
    WEIGHTS: 256 * 2**20,
}
"""The files of a world, in the order they are written, and the most bytes of each."""
MAX_ZIP = 300 * 2**20
MAX_WIDTH, MAX_ANCHORS = 2048, 20_000
LONGEST_NAME = 40
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def clean_name(text: str) -> str:
    """Return a name that is a good folder anywhere: letters, digits, hyphens; never empty."""
    plain = unicodedata.normalize("NFC", text).strip()
    name = re.sub(r"[^\w]+|_+", "-", plain, flags=re.UNICODE).strip("-")[:LONGEST_NAME].strip("-")
    return f"world-{name}".strip("-") if not name or _RESERVED.fullmatch(name) else name


def free_name(worlds: Path, name: str, taken: Collection[str] = ()) -> str:
    """Return ``name``, or with the first number behind it that no world has."""
    there = {path.name.casefold() for path in worlds.iterdir()} if worlds.is_dir() else set()
    there |= {other.casefold() for other in taken}
    for number in range(1, 10_000):
        tried = name if number == 1 else f"{name}-{number}"
        if tried.casefold() not in there:
            return tried
    raise ConfigError(f"there are too many worlds called {name}; choose another name")


def is_own(folder: Path) -> bool:
    """Whether a world was made or imported here; the shipped ones are never replaced or deleted."""
    return (folder / OWN_FILE).is_file()


def run_of(folder: Path) -> str | None:
    """Return the id of the run a world says it was made by; None where it does not."""
    try:
        made = json.loads((folder / OWN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    run = made.get("run") if isinstance(made, dict) else None
    return run if isinstance(run, str) else None


def place_for(worlds: Path, name: str, run: str) -> Path:
    """Return where a run's world goes: a world of that name that the run did not make stays."""
    tend(worlds)  # a run that was killed as it put its world in place finds that one
    mine = run_of(worlds / name) == run
    return worlds / (name if mine else free_name(worlds, name))


def install(source: Path, target: Path) -> None:
    """Put a finished world in place as a whole: at any moment all of it is old, or all is new.

    What else lies in the folder of the world that it replaces stays there.

    Raises:
        CheckpointError: A shipped world has that name.
        OSError: The disk refuses; the world that was there is as it was.
    """
    if target.exists() and not is_own(target) and any(target.iterdir()):
        raise CheckpointError(f"{target.name} is a shipped world and is not replaced")
    with tray(target.parent) as place:
        for name in MAX_BYTES:
            if (source / name).is_file():
                write_atomic(place.new / name, (source / name).read_bytes())
        _take_along(target, place.new)
        place.put(target)


def _take_along(old: Path, new: Path) -> None:
    """Copy what is no part of a world from its folder into that of the next."""
    for path in old.iterdir() if old.is_dir() else ():
        if path.name in MAX_BYTES or path.name.startswith("."):
            continue
        if path.is_dir():
            shutil.copytree(path, new / path.name, symlinks=True)
        else:
            shutil.copy2(path, new / path.name, follow_symlinks=False)


def export_world(folder: Path) -> bytes:
    """Return a world as the bytes of one ZIP.

    Raises:
        CheckpointError: The folder is not a world, or another takes its place meanwhile.
    """
    before = _stamp(folder)
    missing = [name for name in REQUIRED if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"{folder.name} is not a world: it has no {missing[0]}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in MAX_BYTES:
            if (folder / name).is_file():
                file.write(folder / name, f"{folder.name}/{name}")
    if _stamp(folder) != before:
        raise CheckpointError(f"{folder.name} is being changed; try again in a moment")
    return buffer.getvalue()


def _stamp(folder: Path) -> list[tuple[int, int, int]]:
    """Return what changes with any file of a world."""
    found = [(folder / name).stat() for name in MAX_BYTES if (folder / name).is_file()]
    return [(file.st_ino, file.st_size, file.st_mtime_ns) for file in found]


def import_world(source: Path | bytes, worlds: Path) -> str:
    """Unpack a world that :func:`export_world` made, check it whole, and return its name here.

    Args:
        source: The ZIP, as a file or as bytes.
        worlds: Where worlds are; a name that is taken gets a number.

    Raises:
        CheckpointError: It is no such ZIP, too large, damaged, or holds anything else.
        OSError: The disk refuses; nothing is left behind.
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MAX_ZIP:
        raise CheckpointError(f"a world's ZIP has at most {MAX_ZIP >> 20} MB")
    with tray(worlds) as place:
        name = _unpack(io.BytesIO(source) if isinstance(source, bytes) else source, place.new)
        _check(place.new)
        if not is_own(place.new):
            write_atomic(place.new / OWN_FILE, b'{"imported": true}\n')
        chosen = free_name(worlds, clean_name(name))
        place.put(worlds / chosen)
    return chosen


def delete_world(name: str, worlds: Path, *, confirm: bool = False) -> None:
    """Remove a world that was made or imported here.

    Raises:
        ConfigError: It was not confirmed.
        CheckpointError: There is none of that name, or it is a shipped one.
    """
    folder = worlds / name
    if folder.parent != worlds or name.startswith(".") or not folder.is_dir():
        raise CheckpointError(f"there is no world called {name}")
    if not is_own(folder):
        raise CheckpointError(f"{name} came with the program and is not deleted")
    if confirm is not True:
        raise ConfigError(f"deleting {name} cannot be undone; confirm it")
    with tray(worlds) as place:
        folder.rename(place.old)  # at once gone from every list, whatever happens now


def _unpack(source: Path | io.BytesIO, stage: Path) -> str:
    """Write the files of a ZIP into ``stage`` and return the name of its one folder."""
    try:
        with zipfile.ZipFile(source) as file:
            entries = _entries(file)
            for name, entry in entries.items():
                write_atomic(stage / name, _read(file, entry, MAX_BYTES[name]))
    except DAMAGED as error:
        if isinstance(error, VAEError):
            raise
        raise CheckpointError("this is not a ZIP, or it is damaged; export the world again") from (
            error
        )
    folders = {PurePosixPath(entry.filename).parent.name for entry in entries.values()}
    given = folders.pop()
    return given or (source.stem if isinstance(source, Path) else "world")


def _entries(file: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the entries by the file of a world that each is; nothing else may be there."""
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for entry in file.infolist()[: 2 * len(MAX_BYTES) + 1]:
        if entry.is_dir():
            continue
        path = PurePosixPath(entry.filename)
        odd = path.is_absolute() or ".." in path.parts or "\\" in entry.filename
        if odd or len(path.parts) > 2 or path.name not in MAX_BYTES:
            raise CheckpointError(f"the ZIP holds {path.name[:60]!r}, which is no part of a world")
        if path.name in found or entry.flag_bits & 1:
            raise CheckpointError("the ZIP holds a file twice, or one with a password")
        if entry.compress_type not in METHODS:
            raise CheckpointError("the ZIP is packed in a way that is not read; use a plain ZIP")
        if entry.file_size > MAX_BYTES[path.name]:
            raise CheckpointError(
                f"{path.name} in the ZIP is larger than a world's may be "
                f"({MAX_BYTES[path.name] >> 10} KB)"
            )
        found[path.name] = entry
        folders.add(path.parent)
    if len(file.infolist()) > 2 * len(MAX_BYTES) or len(folders) > 1:
        raise CheckpointError("the ZIP holds more than one world")
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise CheckpointError(f"the ZIP is no world: it has no {missing[0]}")
    return found


def _read(file: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Read an entry, never more than ``most`` bytes whatever the ZIP says."""
    with file.open(entry) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise CheckpointError(f"{entry.filename[-60:]} in the ZIP is larger than it says")
    return data


def _check(folder: Path) -> None:
    """Raise unless a folder holds a world that loads, draws, and has finite weights."""
    try:
        for name in ("config.json", "sliders.json", OWN_FILE):
            if (folder / name).is_file():
                content = json.loads((folder / name).read_text(encoding="utf-8"))
                if not isinstance(content, dict):
                    raise CheckpointError(f"{name} in the ZIP is not of a world")
        if (folder / "README.md").is_file():
            (folder / "README.md").read_text(encoding="utf-8")
        _check_sizes(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        _check_weights(folder)
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, VAEError):
            raise
        raise CheckpointError("a file in the ZIP is damaged; export the world again") from error


def _check_sizes(config: dict[str, object]) -> None:
    """Refuse widths that would fill the memory before a weight is read."""
    model = config.get("model")
    for value in model.values() if isinstance(model, dict) else ():
        for width in value if isinstance(value, list) else [value]:
            if isinstance(width, int) and width > MAX_WIDTH:
                raise CheckpointError(f"the model in the ZIP is too wide ({width})")


def _check_weights(folder: Path) -> None:
    import torch

    from vae.checkpoint import read_tensors
    from vae.infer import get_infer_model

    tensors, header = read_tensors(folder / WEIGHTS)
    _check_sizes({"model": header.get("config")})
    components, anchors = header.get("density_components"), header.get("density_anchors", 0)
    counts = ((components, 1, 256), (anchors, 0, MAX_ANCHORS))
    if not all(isinstance(count, int) and low <= count <= high for count, low, high in counts):
        raise CheckpointError("the world in the ZIP has no density to draw from")
    for name, tensor in tensors.items():
        least = name == "density.floor"  # may be minus infinity
        if not least and tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"the weights in the ZIP are damaged ({name[:60]} is not finite)")
    world = get_infer_model(folder)
    drawn = world.decode(world.sample(1, generator=torch.Generator().manual_seed(0)))
    if not torch.isfinite(drawn).all():
        raise CheckpointError("the world in the ZIP draws nothing that can be shown")
