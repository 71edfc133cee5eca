from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from geoglot.pairs.collect import filters
from geoglot.pairs.collect.collect_recipe import FiltersRecipe, PairsRecipe, PhotosRecipe, TilesRecipe
from geoglot.pairs.collect.filters import filter_photos
from geoglot.pairs.collect.judge import PROMPTS
from geoglot.pairs.collect.phash import find_lookalikes, phash
from geoglot.pairs.collect.photos import picture_path, prefilter
from geoglot.pairs.collect.spatial_hash import axis_distances
from geoglot.pairs.collect.stage import Collection
from geoglot.scene.embed import zero_shot
from stubs import PooledColours

PLAIN = {
    "source": "flickr", "user": "u", "title": "", "licence": "cc-by", "time": "2016-05-01T12:00:00", "lon": 5.12345,
    "lat": 52.12345, "accuracy": 16,
}  # fmt: skip


def frame(*changes: dict[str, object]) -> pd.DataFrame:
    rows = [
        PLAIN | {"key": f"k{number}", "picture": f"k{number}", "id": str(number)} | change
        for number, change in enumerate(changes)
    ]
    return pd.DataFrame(rows)


def recipe(**parts: object) -> PairsRecipe:
    return PairsRecipe("n", Path("out"), **parts)  # type: ignore[arg-type]


def picture(seed: int, size: tuple[int, int] = (300, 256)) -> Image.Image:
    """Something with shapes."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"lon": 0.0, "lat": 0.0}, "no place"),
        ({"lat": float("nan")}, "no place"),
        ({"lat": 86.0}, "no place"),
        ({"licence": "all-rights-reserved"}, "licence"),
        ({"licence": "cc0"}, ""),
        ({"time": "2012-12-31T23:00:00"}, "taken on another day"),
        ({"time": "2093-01-01T00:00:00"}, "taken on another day"),  # a camera's clock
        ({"time": ""}, ""),
        ({"lon": 5.12, "lat": 52.1}, "geotag not precise"),
        ({"lon": 5.0, "lat": 52.12345}, ""),
        ({"accuracy": 12}, "geotag not precise"),
        ({"accuracy": 0}, ""),
    ],
)
def test_each_photo_is_left_for_its_reason(change: dict[str, object], why: str) -> None:
    asked = recipe(photos=PhotosRecipe(after=date(2013, 1, 1), licences=("CC BY", "cc0")))
    assert prefilter(frame(change), asked).tolist() == [why]


def test_the_first_of_two_posts_stays() -> None:
    posts = frame(
        {"title": "Lake"}, {"title": "lake "}, {"title": "Lake", "user": "v"}, {"title": "Lake", "lon": 5.12445},
        {"title": "", "user": "w"}, {"title": "", "user": "w"}, {"title": "Lake", "licence": "x"},
    )  # fmt: skip
    left = prefilter(posts, recipe(photos=PhotosRecipe(licences=("cc-by",)))).tolist()
    assert left == ["", "same user, title and place", "", "", "", "", "licence"]


def test_hashes_stay_when_pictures_are_handled_and_differ_otherwise() -> None:
    hashes = [phash(encoded(picture(seed))) for seed in range(40)]
    for seed in range(40):
        handled = ImageEnhance.Brightness(picture(seed).resize((220, 188))).enhance(0.9)
        assert bin(phash(encoded(handled, 75)) ^ hashes[seed]).count("1") <= 4
    apart = [bin(a ^ b).count("1") for number, a in enumerate(hashes) for b in hashes[:number]]
    assert min(apart) > 10


def test_the_first_of_those_that_look_the_same_near_by_stays() -> None:
    hashes = np.array([7, 6, 7, 1 << 40, 7], np.uint64)
    lon, lat = np.array([5.0, 5.0001, 6.0, 5.0, 5.0001]), np.full(5, 52.0)
    assert find_lookalikes(hashes, lon, lat, 112.0, 1).tolist() == [False, True, False, False, True]
    assert find_lookalikes(hashes, lon, lat, 112.0, 0).tolist() == [False, False, False, False, True]


def test_a_spot_that_everybody_photographs_is_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lon, lat = 5 + rng.uniform(0, 0.004, 90), 52 + rng.uniform(0, 0.003, 90)
    hashes = rng.integers(0, 8, 90).astype(np.uint64) * np.uint64(0x0101010101010101)
    at_once = find_lookalikes(hashes, lon, lat, 112.0, 4)
    monkeypatch.setattr("geoglot.pairs.collect.phash._MOST_PAIRS", 50)
    monkeypatch.setattr("geoglot.pairs.collect.phash._CHUNK", 32)
    assert np.array_equal(find_lookalikes(hashes, lon, lat, 112.0, 4), at_once)
    again = np.zeros(90, np.bool_)  # the rule, word by word
    for later in range(1, 90):
        before = np.flatnonzero(~again[:later])
        east, north = axis_distances(lon[[later] * len(before)], lat[[later] * len(before)], lon[before], lat[before])
        bits = np.array([int(one).bit_count() for one in hashes[before] ^ hashes[later]])
        again[later] = ((east < 112) & (north < 112) & (bits <= 4)).any()
    assert np.array_equal(again, at_once) and 10 < again.sum() < 80


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Six photos at one spot, two of which look the same."""
    asked = PairsRecipe("n", tmp_path, filters=FiltersRecipe(per_user=2), tiles=TilesRecipe(side=224))
    made = Collection(asked, tmp_path, lambda what, done, total: None)
    table = frame(*[{"user": "ab"[number % 2]} for number in range(6)]).assign(left="")
    made.keep_table("photos", table)
    for number, key in enumerate(table["key"]):
        picture_path(made, key).write_bytes(encoded(picture(number % 5)))
    return made


def test_every_filter_counts_what_it_left(collection: Collection) -> None:
    outcome = filter_photos(collection)
    assert outcome.counts == {
        "photos with a picture": 6, "left: looks like one near by": 1, "left: more of one user at one spot": 1,
        "photos kept": 4,
    }  # fmt: skip
    left = collection.table("left").set_index("key")["left"]
    assert left["k5"] == "looks like one near by" and len(collection.table("kept")) == 4


def test_hashes_are_not_computed_again(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    first = filter_photos(collection)
    monkeypatch.setattr(filters, "phash", lambda content: pytest.fail("computed again"))
    assert filter_photos(collection) == first


def test_a_judge_leaves_out_what_its_words_say(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROMPTS, "indoor", (("roof", "water"), ("forest", "crop")))
    monkeypatch.setitem(PROMPTS, "text", (("snow",), ("forest",)))
    colours = {
        "k0": (25, 50, 200),
        "k1": (25, 130, 25),
        "k2": (205, 50, 25),
        "k3": (255, 255, 255),
        "k4": (25, 130, 25),
    }
    for key, colour in colours.items():
        picture_path(collection, key).write_bytes(encoded(Image.new("RGB", (64, 64), colour)))
    wanted = FiltersRecipe(judge="any", without=("indoor", "text"), same_look=-1)
    asked = PairsRecipe("n", collection.folder, filters=wanted, tiles=TilesRecipe(side=224))
    monkeypatch.setattr("geoglot.models.zoo.load_word_model", lambda name: PooledColours())
    outcome = filter_photos(Collection(asked, collection.recipe_folder, collection.progress))
    left = collection.table("left").set_index("key")["left"]
    assert left[list(colours)].tolist() == ["indoor", "", "indoor", "text", ""]
    assert outcome.counts["left: indoor"] >= 2 and outcome.counts["left: text"] >= 1


def test_a_photo_like_no_prompt_is_judged_too() -> None:
    """Far from all of them, every exponential of its cosines is 0 in 32 bits."""
    far = -np.eye(4, dtype=np.float32)
    sure = zero_shot(far, -far, 100.0)[:, :2].sum(1)
    assert np.isfinite(sure).all() and ((sure >= 0) & (sure <= 1)).all()
