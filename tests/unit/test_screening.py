"""Screening as a whole: the corpus, the folder it leaves, and what is kept of a file."""

import hashlib
import io
import json
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_art, draw_fruit
from vae.data import load_split
from vae.errors import ConfigError, DatasetError, ImageError
from vae.evaluation.corpus import encode, make_corpus, photograph, xmp_packet
from vae.evaluation.screening import Row, compare, format_table, holds, main
from vae.screening import (
    NOT_SCREENED,
    Manifest,
    ScreeningSettings,
    image_folder,
    preview,
    screen,
    screen_paper_preview,
    verified_images,
)
from vae.screening.content import require
from vae.screening.quality import Likenesses, likeness_of, measure_quality

ONE = ScreeningSettings(workers=1, min_images=1)


def png(array: np.ndarray, **settings: object) -> bytes:
    return encode(Image.fromarray(array), "PNG", **settings)


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    """Twelve good pictures and one bad, screened; not to be changed."""
    folder = tmp_path_factory.mktemp("fruit")
    for i in range(12):
        (folder / f"{i:02d}.png").write_bytes(png(draw_art(i, 80)))
    (folder / "notes.txt").write_text("no picture")
    return screen([folder], folder.parent / "screened", settings=ScreeningSettings(workers=1))


def test_a_corpus_is_told_apart_with_a_reason_each(tmp_path):
    labels = make_corpus(tmp_path / "corpus", num_good=18, num_bad=50, side=128)
    seen = []
    settings = ScreeningSettings(workers=1)
    manifest = screen(
        [tmp_path / "corpus"],
        tmp_path / "out",
        settings=settings,
        progress=lambda *a: seen.append(a),
    )
    rows = compare(manifest, labels)
    assert Counter(labels.values())["copy"] == 5
    assert len(rows) == 6 + 10
    assert [row.names for row in rows if row.names] == [], format_table(rows)
    assert sum(row.wordless for row in rows) == 0
    assert "bad let in: 0 of 50" in format_table(rows)
    assert seen == [(i, len(labels)) for i in range(1, len(labels) + 1)]
    assert all(v.reasons and v.codes for v in manifest.refused)
    shown = {v.name: v.thumbnail for v in manifest.verdicts}
    decoded = ("good", "blank", "dark", "blurred", "tiny", "copy", "do not train")
    for name, label in labels.items():
        assert (shown[name] is not None) == label.startswith(decoded), name
        if shown[name] is not None:
            with Image.open(manifest.folder / "thumbs" / str(shown[name])) as thumb:
                assert max(thumb.size) <= 128


def row(label: str, files: int, kept: int, wordless: int = 0) -> Row:
    return Row(label=label, files=files, kept=kept, codes=Counter(), wordless=wordless, names=())


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ([row("good", 150, 150), row("blank", 15, 0)], True),
        ([row("good fruit", 100, 99), row("good art", 100, 99), row("blank", 15, 0)], True),
        ([row("good fruit", 100, 99), row("good art", 100, 98), row("blank", 15, 0)], False),
        ([row("good", 150, 150), row("blank", 15, 1)], False),
        ([row("good", 150, 150), row("blank", 15, 0, wordless=1)], False),
    ],
)
def test_the_promise_of_screening_holds_or_does_not(rows, held):
    assert holds(rows) is held


def test_the_command_fails_where_a_bad_file_is_let_in(monkeypatch, capsys):
    from vae.evaluation import screening

    command = ["--good", "12", "--bad", "10", "--side", "64"]
    found: list[list[Row]] = [[row("good", 12, 12)], [row("good", 12, 12), row("blank", 1, 1)]]
    monkeypatch.setattr(screening, "compare", lambda *_: found.pop(0))
    assert [main(command), main(command)] == [0, 1]
    assert "bad let in: 1 of 1" in capsys.readouterr().out


def test_the_folder_holds_pixels_and_hashes_alone(fruit):
    files = sorted(p.relative_to(fruit.folder).as_posix() for p in fruit.folder.rglob("*.*"))
    numbers = [f"{i:04d}" for i in range(1, 13)]
    wanted = [f"images/{n}.png" for n in numbers] + [f"thumbs/{n}.webp" for n in numbers]
    assert files == sorted([*wanted, "manifest.json"])
    assert len(fruit.kept) == 12
    assert [v.codes for v in fruit.refused] == [("format",)]
    assert fruit.refused[0].sha256 == hashlib.sha256(b"no picture").hexdigest()
    assert fruit.problem is None
    for verdict in fruit.kept:
        data = (fruit.images / verdict.clean).read_bytes()
        assert hashlib.sha256(data).hexdigest() == verdict.clean_sha256
        with Image.open(io.BytesIO(data)) as image:
            assert image.mode == "RGBA"
            assert image.info == {}
    assert Manifest.load(fruit.folder) == fruit
    assert not [p for p in fruit.folder.parent.iterdir() if p.name.endswith(".part")]


def test_a_screened_folder_is_trained_on_as_it_is(fruit, tmp_path):
    assert image_folder(fruit.folder) == verified_images(fruit.folder) == fruit.images
    assert image_folder(tmp_path) == verified_images(tmp_path) == tmp_path
    training, held_out = load_split(verified_images(fruit.folder), size=64, channels=4)
    assert len(training) + len(held_out) == 12
    assert not training.refused


def copy_of(manifest: Manifest, folder) -> Manifest:
    for path in manifest.folder.rglob("*.*"):
        target = folder / path.relative_to(manifest.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return Manifest.load(folder)


def test_what_is_changed_after_screening_is_noticed(fruit, tmp_path):
    manifest = copy_of(fruit, tmp_path / "a")
    manifest.verify()
    manifest = manifest.with_consent(who="a test")
    assert Manifest.load(tmp_path / "a").consent == manifest.consent
    assert manifest.consent is not None
    assert manifest.consent.images == manifest.digest()
    manifest.verify()
    fewer = replace(manifest, verdicts=manifest.verdicts[:-2])
    (manifest.images / "0012.png").rename(tmp_path / "0012.png")
    with pytest.raises(DatasetError, match="given for other images"):
        fewer.verify()
    (tmp_path / "0012.png").rename(manifest.images / "0012.png")
    with pytest.raises(DatasetError, match="needs its sentence"):
        manifest.with_consent("  ")
    stranger = manifest.images / "stranger.png"
    stranger.write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"stranger\.png .* never screened"):
        manifest.verify()
    stranger.unlink()
    (manifest.images / "0003.png").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"0003\.png \(02\.png\) was changed"):
        verified_images(tmp_path / "a")
    (manifest.images / "0003.png").unlink()
    with pytest.raises(DatasetError, match=r"0003\.png \(02\.png\) is missing"):
        manifest.verify()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["verdicts"][0].update(clean="../../secret.png"),
        lambda c: c["verdicts"][0].update(thumbnail="/x.webp"),
        lambda c: c["verdicts"][0].update(sparkle=1),
        lambda c: c["verdicts"][0].update(clean=None),
        lambda c: c.update(version=2),
        lambda c: c.pop("consent"),
        lambda c: c["settings"].update(crop="round"),
    ],
)
def test_a_doctored_manifest_is_refused(fruit, tmp_path, change):
    manifest = copy_of(fruit, tmp_path / "a")
    content = json.loads((manifest.folder / "manifest.json").read_text())
    change(content)
    (manifest.folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="is damaged"):
        Manifest.load(manifest.folder)
    (manifest.folder / "manifest.json").write_text("{")
    with pytest.raises(DatasetError, match="cannot be read"):
        Manifest.load(manifest.folder)


def test_nothing_is_left_where_screening_cannot_go_on(tmp_path, monkeypatch):
    source = tmp_path / "picture.png"
    source.write_bytes(png(draw_fruit(0, 80)))
    with pytest.raises(DatasetError, match="there is no file or folder"):
        screen([tmp_path / "nothing"], tmp_path / "out", settings=ONE)
    with pytest.raises(DatasetError, match="name a file"):
        screen([], tmp_path / "out", settings=ONE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no file to screen"):
        screen([tmp_path / "empty"], tmp_path / "out", settings=ONE)
    with pytest.raises(DatasetError, match="is not empty"):
        screen([source], tmp_path, settings=ONE)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen([source], tmp_path / "out", settings=ONE, progress=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "picture.png"]
    manifest = screen([source], tmp_path / "empty", settings=ONE)
    assert len(manifest.kept) == 1


def test_metadata_stay_behind_and_the_picture_stands_upright(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.asarray(photograph(rng, 120))[:80]
    exif = Image.Exif()
    exif[0x0112] = 6  # turned right
    exif[0x010E] = "a secret"
    exif.get_ifd(0x8825)[1] = "N"
    turned = np.rot90(pixels)  # what the camera stores, so that turning right shows it upright
    (tmp_path / "a.jpg").write_bytes(png(turned, exif=exif))
    manifest = screen([tmp_path / "a.jpg"], tmp_path / "out", settings=ONE)
    (verdict,) = manifest.kept
    assert (verdict.width, verdict.height) == (120, 80)
    data = (manifest.images / verdict.clean).read_bytes()
    assert b"secret" not in data
    with Image.open(io.BytesIO(data)) as image:
        assert not image.getexif()
        assert np.array_equal(np.asarray(image.convert("RGB")), pixels)


def test_large_pictures_are_shrunk_and_other_modes_understood(tmp_path):
    rng = np.random.default_rng(1)
    large = photograph(rng, 700)
    (tmp_path / "a-large.png").write_bytes(encode(large, "PNG"))
    deep = (np.asarray(photograph(rng, 90).convert("L")).astype(np.uint16) << 8) + 9
    (tmp_path / "b-deep.png").write_bytes(png(deep))
    (tmp_path / "c-cmyk.jpg").write_bytes(encode(photograph(rng, 90).convert("CMYK"), "JPEG"))
    (tmp_path / "d-palette.png").write_bytes(encode(photograph(rng, 90).quantize(16), "PNG"))
    manifest = screen([tmp_path], tmp_path / "out", settings=ONE)
    assert [v.codes for v in manifest.refused] == []
    sizes, means = [], []
    for verdict in manifest.kept:
        with Image.open(manifest.images / verdict.clean) as image:
            sizes.append(image.size)
            means.append(np.asarray(image)[..., :3].mean())
    assert sizes == [(512, 512), (90, 90), (90, 90), (90, 90)]
    assert means[1] == pytest.approx((deep >> 8).mean(), abs=0.01)
    assert manifest.kept[0].width == 700


def test_too_many_and_too_few(tmp_path):
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(png(draw_art(i, 80)))
    settings = replace(ONE, max_images=3)
    manifest = screen([tmp_path], tmp_path / "out", settings=settings)
    assert [v.codes for v in manifest.refused] == [("too_many",), ("too_many",)]
    assert "3 pictures already" in manifest.refused[0].reasons[0]
    few = replace(manifest, settings=ScreeningSettings(min_images=10))
    assert few.problem == "At least 10 images are needed, and 3 were kept. Please add some more."


@pytest.mark.parametrize(
    "change",
    [
        {"crop": "round"},
        {"min_images": 0},
        {"min_images": 5, "max_images": 4},
        {"min_side": 4},
        {"margin": 0.5},
        {"max_bytes": 0},
    ],
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(ConfigError):
        ScreeningSettings(**change)


def test_preview_shows_before_and_after():
    sheet = np.full((120, 160, 4), 255, np.uint8)
    sheet[..., :3] = (240, 230, 205)
    sheet[30:90, 20:60, :3] = (60, 120, 40)
    data = png(sheet[..., :3])
    before, after = screen_paper_preview(data)
    assert before.shape == after.shape == (120, 160, 4)
    assert before[..., 3].min() == 255
    assert after[5, 5, 3] == 0
    assert after[60, 40, 3] == 255
    before, after = preview(data, ScreeningSettings(crop="fit", paper=True))
    assert after.shape[0] == after.shape[1] == round(60 / (7 / 8))
    rows = np.flatnonzero((after[..., 3] > 128).any(axis=1))
    assert abs(rows[0] - (after.shape[0] - 1 - rows[-1])) <= 1
    _, after = preview(data, ScreeningSettings(crop="centre"))
    assert after.shape == (120, 120, 4)
    assert np.array_equal(after, before[:, 20:140])
    _, after = preview(data, ScreeningSettings(crop="fit"))  # opaque: the paper fills the square
    assert after[..., 3].min() == 255
    assert after.shape[:2] == (69, 69)
    for wrong, sentence in ((b"text", "not a PNG"), (data[:200], "damaged or cut short")):
        with pytest.raises(ImageError, match=sentence):
            preview(wrong)


def test_marks_are_read_before_they_are_stripped(tmp_path):
    image = photograph(np.random.default_rng(2), 90)
    values = ("DMI-PROHIBITED-SEECONSTRAINT", "DMI-ALLOWED", "DMI-UNSPECIFIED")
    for i, value in enumerate(values):
        data = encode(image.rotate(30 * i), "JPEG", xmp=xmp_packet(value))
        (tmp_path / f"{i}.jpg").write_bytes(data)
    manifest = screen([tmp_path], tmp_path / "out", settings=ONE)
    assert [v.codes for v in manifest.verdicts] == [("do_not_train",), (), ()]
    assert "DMI-PROHIBITED-SEECONSTRAINT" in manifest.verdicts[0].reasons[0]
    assert all("c2pa-python is not installed" in note for note in manifest.notes)


def test_a_content_check_of_the_users_own(tmp_path, fake_transformers):
    red = draw_art(1, 80)
    red[..., 1:3] //= 3
    red[..., 0] = 230
    (tmp_path / "red.png").write_bytes(png(red))
    (tmp_path / "grey.png").write_bytes(
        encode(Image.fromarray(draw_art(2, 80)).convert("LA"), "PNG")
    )
    settings = replace(ONE, classifier=fake_transformers)
    manifest = screen(
        [tmp_path / "red.png", tmp_path / "grey.png"], tmp_path / "out", settings=settings
    )
    assert [v.codes for v in manifest.verdicts] == [("unsafe",), ()]
    assert "nsfw" in manifest.verdicts[0].reasons[0]
    assert manifest.content_screening == "checked by watchful for nsfw (from 0.5 on)"
    assert str(tmp_path) not in (manifest.folder / "manifest.json").read_text()
    with pytest.raises(ConfigError, match="the model has safe, nsfw"):
        screen(
            [tmp_path / "red.png"],
            tmp_path / "other",
            settings=replace(settings, classifier_labels=("violent",)),
        )
    with pytest.raises(ConfigError, match="the model has safe, nsfw"):  # one is misspelt
        require(fake_transformers, ("nsfw", "violet"))
    with pytest.raises(ConfigError, match="no folder of an image-classification model"):
        screen([tmp_path], tmp_path / "other", settings=replace(ONE, classifier=tmp_path))


def test_the_pictures_are_on_the_disk_before_their_folder_is_there(tmp_path, published):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(png(draw_art(i, 80)))
    screen(sorted(tmp_path.glob("*.png")), tmp_path / "out", settings=ONE)
    assert len(list((tmp_path / "out").rglob("*.*"))) == 7
    assert published == {"out": []}


def test_without_a_classifier_nothing_is_called_safe(tmp_path, monkeypatch, fruit):
    assert fruit.content_screening == NOT_SCREENED == "not screened for content"
    monkeypatch.setitem(sys.modules, "transformers", None)
    (tmp_path / "a.png").write_bytes(png(draw_art(0, 80)))
    settings = replace(ONE, classifier=tmp_path)
    manifest = screen([tmp_path / "a.png"], tmp_path / "out", settings=settings)
    assert manifest.content_screening == NOT_SCREENED
    assert any("transformers is not installed" in note for note in manifest.notes)


def test_soft_and_sparse_and_dark_art_is_not_refused():
    sparse = np.full((300, 300, 4), 255, np.uint8)
    sparse[100:220, 150:152, :3] = 190  # one pale line
    assert measure_quality(sparse).codes == ()
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    glow = np.zeros((200, 200, 4), np.uint8)
    glow[..., :3], glow[..., 3] = (250, 240, 200), np.rint(255 * np.exp(-4 * (x * x + y * y)))
    assert measure_quality(glow).codes == ()  # soft by intent: it has transparency
    silhouette = np.zeros((200, 200, 4), np.uint8)
    silhouette[50:150, 60:140, 3] = 255
    assert measure_quality(silhouette).codes == ()
    field = np.full((200, 200, 4), 255, np.uint8)
    field[..., 0] = np.linspace(40, 200, 200).astype(np.uint8)  # a field of colour
    assert "blank" not in measure_quality(field).codes


def test_near_copies_are_found_and_variations_are_not():
    pictures = [draw_art(i, 128) for i in range(30)]
    seen = Likenesses()
    for i, picture in enumerate(pictures):
        assert seen.find(likeness_of(picture)) is None
        seen.add(str(i), likeness_of(picture))
    small = np.asarray(Image.fromarray(pictures[7]).resize((100, 100)))
    assert seen.find(likeness_of(small)) == "7"
    assert seen.find(likeness_of(pictures[7][:, ::-1])) is None
    recoloured = pictures[7].copy()
    recoloured[..., :3] = 255 - recoloured[..., :3]
    assert seen.find(likeness_of(recoloured)) is None
