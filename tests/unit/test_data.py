"""Folders become square tensors, without fringes, and one bad file does no harm."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import draw_fruit, image_set, snapshot
from vae.data import (
    MAX_PIXELS,
    ImageSet,
    augment,
    find_images,
    load_images,
    load_split,
    measure_all,
    read_image,
    shift,
    square,
    to_array,
)
from vae.encodings import measure
from vae.errors import DatasetError, ImageError
from vae.losses import premultiply


def test_opaque_pictures_are_cropped_at_the_centre():
    array = np.zeros((10, 20, 4), np.uint8)
    array[..., 3] = 255
    array[:, 5:15, 0] = 200
    made = np.asarray(square(Image.fromarray(array)))
    assert made.shape == (10, 10, 4)
    assert (made[..., 0] == 200).all()


def test_transparent_pictures_are_padded_with_nothing():
    array = np.full((10, 20, 4), 255, np.uint8)
    array[0, 0, 3] = 0
    made = np.asarray(square(Image.fromarray(array)))
    assert made.shape == (20, 20, 4)
    assert not made[:5].any()
    assert not made[15:].any()
    assert np.array_equal(made[5:15], array)


@pytest.mark.parametrize(("channels", "shape"), [(1, 1), (3, 3), (4, 4)])
def test_pictures_come_in_the_size_and_channels_asked_for(channels, shape):
    array = to_array(Image.fromarray(draw_fruit(0, 50)), size=32, channels=channels)
    assert array.shape == (32, 32, shape)
    assert array.dtype == np.uint8


def test_resizing_brings_in_no_fringe():
    array = np.zeros((64, 64, 4), np.uint8)
    array[..., :3] = (0, 255, 0)  # hidden green under clear pixels
    array[16:48, 16:48] = (255, 0, 0, 255)
    made = to_array(Image.fromarray(array), size=28, channels=4)
    seen = made[made[..., 3] > 8]
    assert seen[:, 1].max() <= 8
    assert seen[:, 0].min() >= 240


def test_clear_pixels_become_paper_without_alpha():
    made = to_array(Image.new("RGBA", (28, 28), (0, 0, 0, 0)), size=28, channels=3)
    assert (made == 255).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "P", "1", "I;16", "CMYK"])
def test_every_kind_of_picture_is_read(tmp_path, mode):
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    Image.new(mode, (30, 30)).save(path)
    assert read_image(path, size=28, channels=4).shape == (28, 28, 4)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    photograph = Image.new("RGB", (40, 40), "black")
    photograph.paste("white", (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    photograph.save(tmp_path / "x.jpg", exif=exif)
    made = read_image(tmp_path / "x.jpg", size=28, channels=1)
    assert made[:10].max() < 20
    assert made[-10:].min() > 235


def test_what_is_no_picture_is_refused_by_name(tmp_path):
    (tmp_path / "note.png").write_text("not a picture")
    with pytest.raises(ImageError, match=r"note.png is not a readable PNG, JPEG or WebP image"):
        read_image(tmp_path / "note.png", size=28, channels=4)
    Image.new("RGB", (8, 8)).save(tmp_path / "x.gif")
    (tmp_path / "x.gif").rename(tmp_path / "x.png")
    with pytest.raises(ImageError, match=r"x.png is not a readable"):
        read_image(tmp_path / "x.png", size=28, channels=4)
    with pytest.raises(ImageError, match=r"gone.png is not a readable"):
        read_image(tmp_path / "gone.png", size=28, channels=4)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    side = int(MAX_PIXELS**0.5) + 10
    Image.new("1", (side, side)).save(tmp_path / "huge.png")
    with pytest.raises(ImageError, match=rf"huge.png has {side}x{side} pixels; at most 64 million"):
        read_image(tmp_path / "huge.png", size=28, channels=1)


def test_a_corrupt_file_among_good_ones_is_left_out_by_name(fruit_folder):
    torn = fruit_folder / "03.png"
    torn.write_bytes(torn.read_bytes()[:200])
    (fruit_folder / "notes.txt").write_text("no picture at all")
    before = snapshot(fruit_folder)
    found = load_images(fruit_folder, size=28, channels=4)
    assert len(found) == 19
    assert "03.png" not in found.names
    assert len(found.refused) == 1
    assert "03.png" in found.refused[0]
    assert snapshot(fruit_folder) == before


def test_a_folder_without_pictures_says_so(tmp_path):
    with pytest.raises(DatasetError, match="no PNG, JPEG or WebP image was found"):
        find_images(tmp_path)
    with pytest.raises(DatasetError, match="there is no folder"):
        find_images(tmp_path / "gone")
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(DatasetError, match=r"none of the 1 files could be read: a.png"):
        load_images(tmp_path, size=28, channels=4)


def test_one_picture_is_too_few_to_split(tmp_path):
    Image.fromarray(draw_fruit(0)).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match="at least 2 readable images are needed, found 1"):
        load_split(tmp_path, size=28, channels=4)


def test_progress_and_limit(fruit_folder):
    seen = []
    load_images(fruit_folder, size=28, channels=4, limit=5, progress=lambda *p: seen.append(p))
    assert seen == [(i, 5) for i in range(1, 6)]


def test_the_split_is_the_same_each_time_and_whole(fruit_folder):
    one, two = (load_split(fruit_folder, size=28, channels=4) for _ in range(2))
    assert [s.names for s in one] == [s.names for s in two]
    assert sorted(one[0].names + one[1].names) == [f"{i:02d}.png" for i in range(20)]
    assert len(one[1]) == 2


def test_a_picture_more_does_not_move_the_others(tmp_path):
    tiny = Image.new("L", (28, 28))
    for i in range(250):
        tiny.save(tmp_path / f"{i}.png")
    before = set(load_split(tmp_path, size=28, channels=1)[1].names)
    tiny.save(tmp_path / "new.png")
    after = set(load_split(tmp_path, size=28, channels=1)[1].names)
    assert before <= after <= before | {"new.png"}
    assert 10 <= len(before) <= 40


@pytest.mark.parametrize("column", ["group", "source_path"])
def test_groups_of_a_manifest_stay_on_one_side(tmp_path, column):
    folder = tmp_path / "images"
    folder.mkdir()
    rows = ["file," + column]
    for i in range(20):
        Image.fromarray(draw_fruit(i, 28)).save(folder / f"{i}.png")
        rows.append(f"images/{i}.png,object {i // 2}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    sides = [{int(n[:-4]) // 2 for n in s.names} for s in load_split(folder, size=28, channels=4)]
    assert sides[0] | sides[1] == set(range(10))
    assert not sides[0] & sides[1]
    assert len(sides[1]) == 1


def test_equal_names_in_different_folders_keep_their_own_groups(tmp_path):
    rows = ["file,group"]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for i in range(10):
            Image.fromarray(draw_fruit(i, 28)).save(tmp_path / folder / f"{i}.png")
            rows.append(f"{folder}/{i}.png,{folder if i < 2 else f'{folder}{i}'}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    training, validation = load_split(tmp_path, size=28, channels=4)
    assert len(set(training.names + validation.names)) == 20
    for folder in ("a", "b"):
        pair = {f"{folder}/0.png", f"{folder}/1.png"}
        assert pair <= set(training.names) or pair <= set(validation.names)


def test_one_group_of_all_is_divided_after_all(fruit_folder):
    rows = ["file,group", *(f"{i:02d}.png,all" for i in range(20))]
    (fruit_folder / "manifest.csv").write_text("\n".join(rows))
    training, validation = load_split(fruit_folder, size=28, channels=4)
    assert (len(training), len(validation)) == (18, 2)


def test_a_set_gives_floats_parts_and_smaller_ones():
    whole = image_set(5, 64)
    assert (len(whole), whole.size, whole.channels) == (5, 64, 4)
    floats = whole.floats()
    assert floats.dtype == torch.float32
    assert 0 <= floats.min() <= floats.max() <= 1
    part = whole.select([4, 1])
    assert part.names == ["004.png", "001.png"]
    assert torch.equal(part.images[0], whole.images[4])
    small = whole.resized(32)
    assert small.size == 32
    assert whole.resized(64) is whole
    alpha = [s.images[:, 3].float().mean() for s in (whole, small)]
    assert alpha[0] == pytest.approx(alpha[1], abs=0.5)


def test_shrinking_brings_in_no_fringe():
    images = torch.zeros(1, 4, 64, 64, dtype=torch.uint8)
    images[:, 1] = 255
    images[:, :, 16:47, 16:47] = torch.tensor([255, 0, 0, 255], dtype=torch.uint8)[:, None, None]
    small = ImageSet(images, ["a"]).resized(28).images[0]
    seen = small[3] > 8
    assert small[1][seen].max() <= 2
    assert small[0][seen].min() >= 250


def test_shifting_moves_whole_pixels_and_lets_nothing_in_where_there_is_alpha():
    x = torch.rand(2, 4, 5, 5)
    moved = shift(x, torch.tensor([[1, 0], [0, -2]]))
    assert torch.equal(moved[0, :, 1:], x[0, :, :-1])
    assert not moved[0, :, 0].any()
    assert torch.equal(moved[1, :, :, :3], x[1, :, :, 2:])
    assert not moved[1, :, :, 3:].any()
    assert torch.equal(shift(x, torch.zeros(2, 2, dtype=torch.long)), x)


def test_shifting_an_opaque_picture_goes_on_with_its_edge():
    x = torch.rand(1, 3, 5, 5)
    moved = shift(x, torch.tensor([[2, 0]]))
    assert torch.equal(moved[0, :, 2:], x[0, :, :3])
    assert torch.equal(moved[0, :, 0], x[0, :, 0])
    assert torch.equal(moved[0, :, 1], x[0, :, 0])


def test_metadata_hardly_knows_where_a_picture_stands():
    fruit = torch.from_numpy(np.stack([draw_fruit(i, 64) for i in range(8)]))
    x = fruit.permute(0, 3, 1, 2).float() / 255
    offsets = torch.tensor([[2, -2]]).repeat(8, 1)
    inside = shift(shift(x, offsets), -offsets)  # what a shift would cut off is cut off before
    apart = (measure(shift(inside, offsets)) - measure(inside)).abs()
    assert (apart / measure(x).std(0).clamp_min(0.02)).median() < 0.02


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_augmentation_moves_pictures_a_little_and_keeps_their_colour(channels):
    x = image_set(6, 64, channels).floats()
    still = augment(x, torch.zeros(6, 4))
    assert torch.allclose(premultiply(still), premultiply(x), atol=1e-4)
    moved = augment(x, torch.randn(6, 4, generator=torch.Generator().manual_seed(0)))
    assert moved.shape == x.shape
    assert 0 <= moved.min() <= moved.max() <= 1
    assert not torch.allclose(moved, x, atol=0.1)
    plain = torch.tensor([0.8, 0.2, 0.4, 0.6])[:channels, None, None].expand(6, -1, 64, 64)
    moved = augment(plain, torch.randn(6, 4))
    seen = moved[:, 3:] > 0.1 if channels == 4 else torch.ones_like(moved[:, :1]) > 0
    colour = moved[:, : min(3, channels)] - plain[:, : min(3, channels)]
    assert (colour * seen).abs().max() < 1e-3


def test_a_set_is_measured_once_and_mirrored():
    images = image_set(70, 32)
    raw = measure_all(images)
    assert torch.allclose(raw, measure(images.floats()), atol=1e-4)
    flipped = measure_all(images, flip=True)
    assert torch.allclose(flipped, measure(images.floats().flip(-1)), atol=1e-4)
