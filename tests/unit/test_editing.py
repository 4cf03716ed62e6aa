"""Pictures of any size changed by a world, from Python and from the shell."""

import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tests.browser.fake_world import FakeWorld
from tests.conftest import draw_fruit
from vae.__main__ import main
from vae.data import read_picture
from vae.editing import edit
from vae.infer import get_infer_model
from vae.pixels import encode_image, premultiply, to_bytes, to_floats, to_pixels
from vae.recipe import Recipe

WORLD = "pomona"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An opaque photograph of 300×200 and a cut-out of 400×400."""
    folder = tmp_path_factory.mktemp("pictures")
    fruit = Image.fromarray(draw_fruit(2, 400))
    fruit.save(folder / "fruit.png")
    paper = Image.new("RGBA", (300, 200), (120, 140, 90, 255))
    paper.alpha_composite(fruit.resize((180, 180)), (60, 10))
    paper.convert("RGB").save(folder / "photo.JPEG", quality=95)
    return folder


def refused(capsys, *arguments: str) -> str:
    capsys.readouterr()
    assert main(["edit", *arguments]) == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_picture_keeps_its_frame_and_its_detail():
    large = draw_fruit(3, 500)
    same = edit(FakeWorld(), large, {})
    assert np.abs(premultiply(to_floats(same)) - premultiply(to_floats(large))).max() <= 1 / 255
    warm = premultiply(to_floats(edit(FakeWorld(), large, {"warmth": 0.8})))
    change = warm - premultiply(to_floats(large))
    assert warm.shape == (500, 500, 4)
    assert (change[..., 0] - change[..., 2]).mean() > 0.003


def test_a_look_can_be_borrowed_first():
    """Fruit of the world itself: the mean colour comes nearer to that of the reference."""
    world = get_infer_model(WORLD)
    drawn = world.decode(world.sample(6, generator=torch.Generator().manual_seed(7)))
    means = (drawn[:, :3] * drawn[:, 3:]).sum((2, 3)) / drawn[:, 3:].sum((2, 3))
    apart = torch.cdist(means, means)
    one, other = divmod(int(apart.argmax()), 6)
    large = F.interpolate(drawn[one : one + 1], size=300, mode="bicubic").clamp(0, 1)
    pixels = to_bytes(to_pixels(large)[0])
    shares = {"texture": 0.0, "alpha": 0.0}
    found = edit(world, pixels, {}, reference=drawn[other : other + 1], **shares)
    seen = to_floats(found)
    mean = (seen[..., :3] * seen[..., 3:]).sum((0, 1)) / seen[..., 3:].sum()
    grown = np.subtract(found.shape, pixels.shape)  # as a cut-out that outgrows its file may
    assert ((grown >= 0) & (grown <= 6)).all()
    assert np.linalg.norm(mean - means[other].numpy()) < 0.6 * apart.max()


def test_many_pictures_are_changed_each_as_what_it_was(folder, tmp_path, capsys):
    files = [str(folder / name) for name in ("fruit.png", "photo.JPEG")]
    out = tmp_path / "deep" / "changed"
    assert main(["edit", *files, "--set", "warmth=1.5", "--out", str(out)]) == 0
    printed = capsys.readouterr().out.split()
    assert printed == [str(out / "fruit.png"), str(next(out.glob("photo.*")))]
    fruit, photo = (read_picture(path) for path in printed)
    assert (fruit.shape, photo.shape) == ((400, 400, 4), (200, 300, 4))
    change = photo.astype(float) - read_picture(folder / "photo.JPEG")
    assert change[..., 0].mean() - change[..., 2].mean() > 3


def test_a_recipe_brings_its_world_and_its_sliders(folder, tmp_path, capsys):
    state = {"seed": 1, "moves": {"warmth": 1.5, "grain strength": -1.0}, "borrow": {"u": []}}
    recipe = Recipe(world=WORLD, hash="0" * 12, state=state)
    saved = tmp_path / "saved.png"
    saved.write_bytes(encode_image(draw_fruit(1, 32), "png", text=recipe.as_text()))
    fruit = str(folder / "fruit.png")
    assert main(["edit", fruit, "--recipe", str(saved), "--out", str(tmp_path / "a")]) == 0
    assert "borrowed look" in capsys.readouterr().err
    assert main(["edit", fruit, "--set", "warmth=1.5", "--out", str(tmp_path / "b")]) == 0
    one, other = (read_picture(tmp_path / name / "fruit.png") for name in "ab")
    assert np.array_equal(one, other)


def test_what_cannot_be_read_is_told_and_the_others_are_done(folder, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Image.new("RGBA", (40, 40)).save(tmp_path / "clear.png")
    files = [str(tmp_path / "broken.png"), str(tmp_path / "clear.png"), str(folder / "fruit.png")]
    out = tmp_path / "out"
    assert main(["edit", *files, "--set", "warmth=1", "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "broken.png is not a readable" in told
    assert "fully transparent" in told
    assert "2 of 3 pictures were not changed" in told
    assert [path.name for path in out.iterdir()] == ["fruit.png"]


def test_options_that_make_no_sense_are_refused(folder, tmp_path, capsys):
    fruit, out = str(folder / "fruit.png"), ["--out", str(tmp_path / "out")]
    assert "nothing to change" in refused(capsys, fruit, *out)
    assert "--palette says how much of --borrow" in refused(capsys, fruit, *out, "--palette", "1")
    for text in ("warmth", "warmth=", "=1", "warmth=much", "warmth=nan"):
        assert "such as warmth=1.5" in refused(capsys, fruit, *out, "--set", text)
    assert "no slider 'sadness'" in refused(capsys, fruit, *out, "--set", "sadness=1")
    twin = shutil.copy(fruit, tmp_path / "fruit.png")
    assert "called fruit" in refused(capsys, fruit, str(twin), *out, "--set", "warmth=1")
    here = ["--out", str(folder)]
    assert "choose another folder" in refused(capsys, fruit, *here, "--set", "warmth=1")
    assert "carries no recipe" in refused(capsys, fruit, *out, "--recipe", fruit)
    assert not (tmp_path / "out").exists()


def test_a_damaged_recipe_is_refused(folder, tmp_path, capsys):
    for moves, says in (([1], "damaged"), ({"warmth": "much"}, "such as warmth=1.5")):
        recipe = Recipe(world=WORLD, hash="0" * 12, state={"moves": moves})
        saved = tmp_path / "saved.png"
        saved.write_bytes(encode_image(draw_fruit(1, 32), "png", text=recipe.as_text()))
        out = ["--out", str(tmp_path / "out"), "--recipe", str(saved)]
        assert says in refused(capsys, str(folder / "fruit.png"), *out)
