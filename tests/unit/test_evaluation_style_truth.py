"""Style transfer with a true answer, on made-up objects and models that are right or only copy."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from vae.distributions import Latents
from vae.errors import DatasetError
from vae.evaluation.measures import measure_batch
from vae.evaluation.objects import read_pack, split_by_object, write_split
from vae.evaluation.sliders import Reference
from vae.evaluation.style_truth import (
    MEASURES,
    PLAIN,
    StyleKeys,
    format_scores,
    main,
    make_tasks,
    methods_of,
    score_pairs,
)

SIDE, THINGS = 32, 12
STYLES = ("flat", "soft", "stripes")
COLOURS = np.array([[0.8, 0.2, 0.2], [0.2, 0.7, 0.3], [0.3, 0.3, 0.8]])


def draw(thing: int, style: int) -> np.ndarray:
    """An object is a size and a colour; a style its edge and stripes. Floats (SIDE, SIDE, 4)."""
    axis = np.linspace(-1, 1, SIDE)
    x, y = np.meshgrid(axis, axis)
    edge = (0.08, 0.5, 0.08)[style]
    alpha = np.clip((0.35 + 0.04 * thing - np.hypot(x, y)) / edge + 0.5, 0, 1)
    colour = COLOURS[thing % 3] * np.ones((SIDE, SIDE, 1))
    if style == 2:
        colour = colour * (0.7 + 0.3 * np.sin(20 * x))[..., None]
    return np.concatenate([colour, alpha[..., None]], axis=2)


def to_picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(255 * pixels.clip(0, 1)).astype(np.uint8))


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """A pack of twelve objects in three styles and one particle in a style of its own."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / "images").mkdir()
    rows = []
    for thing in range(THINGS):
        for style, name in enumerate(STYLES):
            file = f"images/{thing}-{name}.png"
            to_picture(draw(thing, style)).save(folder / file)
            rows.append({"file": file, "group": f"thing {thing}", "style": name, "note": "ä"})
    to_picture(draw(3, 1)).save(folder / "images/particle.png")
    rows.append({"file": "images/particle.png", "group": "p", "style": "particle", "note": ""})
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


class Drawn:
    """A world that knows the drawings: z is the object, the key is the style."""

    image_size, channels, name = SIDE, 4, "drawn"

    def __init__(self, *, deaf: bool = False):
        self.deaf = deaf
        all_of_them = [draw(thing, style) for thing in range(THINGS) for style in range(3)]
        self.known = torch.from_numpy(np.stack(all_of_them)).permute(0, 3, 1, 2).float()

    def encode(self, images):
        gaps = (images[:, None] - self.known[None]).square().mean((2, 3, 4))
        which = gaps.argmin(1)
        return Latents((which // 3)[:, None].float(), (which % 3)[:, None].float())

    def decode(self, latents):
        key = torch.zeros_like(latents.key) if self.deaf else latents.key.round()
        return self.known[(latents.z * 3 + key)[:, 0].long()]


def scores_of(pack, world):
    training, held_out = split_by_object(read_pack(pack))
    pairs = make_tasks(held_out, seed=0)
    images = torch.stack([picture_of(d) for d in held_out])
    known = np.stack([np.array(Image.open(d.path)) for d in training])
    ruler = Reference.fit(measure_batch(known))
    styles = StyleKeys.fit(world, torch.from_numpy(known).permute(0, 3, 1, 2), training)
    return score_pairs(images, pairs, methods_of(world, styles), ruler)


def picture_of(drawing):
    array = np.array(Image.open(drawing.path)).astype(np.float32) / 255
    return torch.from_numpy(array).permute(2, 0, 1)


def test_objects_are_split_whole_and_always_alike(pack):
    drawings = read_pack(pack)
    training, held_out = split_by_object(drawings)
    assert len(training) + len(held_out) == len(drawings) == 37
    assert {d.thing for d in training}.isdisjoint(d.thing for d in held_out)
    assert len({d.thing for d in held_out}) == 2
    assert "p" in {d.thing for d in training}  # of one style: there is no truth
    again = split_by_object(list(reversed(drawings)))[1]
    assert {d.thing for d in again} == {d.thing for d in held_out}
    assert len({d.thing for d in split_by_object(drawings, held_out=1.0)[0]} - {"p"}) == 1


def test_tasks_take_the_style_from_another_object(pack):
    _, held_out = split_by_object(read_pack(pack), held_out=0.5)
    pairs = make_tasks(held_out, seed=1)
    assert set(pairs) == {(a, b) for a in STYLES for b in STYLES if a != b}
    for (source, target), tasks in pairs.items():
        assert len(tasks) == 6
        for task in tasks:
            content, key, truth = (held_out[i] for i in task)
            assert (content.style, key.style, truth.style) == (source, target, target)
            assert content.thing == truth.thing != key.thing
    assert pairs == make_tasks(held_out, seed=1)
    assert pairs != make_tasks(held_out, seed=2)
    assert all(len(tasks) == 2 for tasks in make_tasks(held_out, seed=1, limit=2).values())


def test_a_perfect_model_is_right_and_wins_every_pair(pack):
    scores = scores_of(pack, Drawn())
    assert len(scores) == 6
    for score in scores:
        assert score.errors["ours"]["mse"] < 1e-5  # of 8 bits
        assert score.errors["ours"]["alpha"] < 2e-3
        assert score.errors["ours"]["attributes"] < 0.1
        assert score.errors["key of the truth"] == score.errors["ours"]
        assert score.errors["shifted"] == score.errors["ours"]
        assert score.beats_plain("mse")
        assert score.beats_plain("attributes")
        assert score.won["mse"] == 1
        # Colour alone cannot change an edge.
        for name in PLAIN:
            alpha = score.errors[name]["alpha"]
            assert alpha == pytest.approx(score.errors["copy"]["alpha"])
            assert (alpha > 0.01) == ("soft" in (score.source, score.target))


def test_a_model_that_only_copies_ties_with_the_copy(pack):
    scores = {(s.source, s.target): s for s in scores_of(pack, Drawn(deaf=True))}
    for pair in (("flat", "soft"), ("flat", "stripes")):  # it draws all flat
        score = scores[pair]
        for measure in ("mse", "alpha"):
            copy = score.errors["copy"][measure]
            assert score.errors["ours"][measure] == pytest.approx(copy, abs=2e-4)
    assert not scores["flat", "soft"].beats_plain("alpha")
    assert scores["flat", "soft"].errors["rebuilt"] == scores["flat", "soft"].errors["ours"]


def test_a_key_tells_its_style_alone(pack):
    training, _ = split_by_object(read_pack(pack))
    images = torch.from_numpy(np.stack([np.array(Image.open(d.path)) for d in training]))
    styles = StyleKeys.fit(Drawn(), images.permute(0, 3, 1, 2), training)
    assert styles.names == ("flat", "particle", "soft", "stripes")
    assert styles.means[:, 0].tolist() == [0, 1, 1, 2]  # the particle is drawn softly
    told = styles.of(torch.tensor([[0.0], [1.0], [2.0]]))[:, 0]
    assert told[0] < 0.5 < told[1] < 1.5 < told[2]


def test_the_style_alone_leaves_a_picture_its_own_pixels(pack):
    """A model that draws everything as the first object, but knows styles apart."""

    class Rough(Drawn):
        def decode(self, latents):
            return super().decode(latents._replace(z=torch.zeros_like(latents.z)))

    for score in scores_of(pack, Rough()):
        kept, *rough = (
            score.errors[n]["mse"] for n in ("on the picture", "ours", "rebuilt", "shifted")
        )
        assert kept < min(rough)


def test_the_tables_name_pairs_and_count_wins(pack):
    text = format_scores(scores_of(pack, Drawn()))
    assert "| flat → soft | 2 |" in text
    won = "«{}» is nearer than every plain answer on 6 of 6 pairs"
    assert text.count(won.format("ours")) >= 2  # mse, attributes
    assert text.count(won.format("on the picture")) >= 1
    assert all(title in text for title in MEASURES.values())
    assert "OUT/training" in text


def test_the_split_is_written_as_two_packs(pack, tmp_path, capsys):
    out = tmp_path / "split"
    assert main(["--data", str(pack), "--split", str(out)]) == 0
    assert "31 pictures" in capsys.readouterr().out
    training, held_out = split_by_object(read_pack(pack))
    for side, expected in (("training", training), ("held-out", held_out)):
        written = read_pack(out / side)
        assert [d.row for d in written] == [d.row for d in expected]
        assert all(
            a.path.read_bytes() == b.path.read_bytes()
            for a, b in zip(written, expected, strict=True)
        )
    assert main(["--data", str(pack), "--split", str(out)]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_the_command_measures_a_world(pack, tiny_world, tmp_path, capsys):
    path = tmp_path / "numbers.json"
    command = ["--data", str(pack), "--world", str(tiny_world), "--json", str(path), "--borrow"]
    assert main(command) == 0
    assert "| borrowed |" in capsys.readouterr().out
    written = json.loads(path.read_text())
    assert len(written["pairs"]) == 6
    for pair in written["pairs"]:
        numbers = [value for errors in pair["errors"].values() for value in errors.values()]
        assert np.isfinite(numbers).all()


def test_packs_that_do_not_fit_are_refused(pack, tmp_path, capsys):
    with pytest.raises(DatasetError, match=r"has no manifest\.csv"):
        read_pack(tmp_path)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("file,group\nx.png,a\n")
    with pytest.raises(DatasetError, match="needs a file, a group and a style"):
        read_pack(tmp_path)
    manifest.write_text("file,group,style\n../x.png,a,b\n")
    (tmp_path.parent / "x.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="not in the folder"):
        read_pack(tmp_path)
    with pytest.raises(DatasetError, match="at least 3 objects"):
        split_by_object(read_pack(pack)[:6])
    with pytest.raises(DatasetError, match="two styles"):
        make_tasks(read_pack(pack)[:3], seed=0)
    assert main(["--data", str(pack), "--world", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    with pytest.raises(DatasetError, match="not empty"):
        write_split(pack, pack)
