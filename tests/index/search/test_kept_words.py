"""What is kept of words changes no result: it saves the model's work, or counts for nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from geoglot.errors import ClassesError
from geoglot.index.build.build import add
from geoglot.index.concepts.teach import teach
from geoglot.index.search import kept_words
from geoglot.index.search.archive_presence import Heights, WordJudge
from geoglot.index.search.index import Index
from geoglot.index.search.kept_words import KeptWords
from geoglot.index.search.look import Look
from geoglot.index.search.said import Said
from geoglot.models import zoo
from geoglot.models.card import CALIBRATION, TOKENIZER
from geoglot.models.lazy_model import LazyModel
from geoglot.models.model_files import save_model
from geoglot.models.stored import find_model
from geoglot.models.zoo import load_word_model
from geoglot.options import IndexOptions, SearchOptions
from worlds import crop_demo

Ask = Callable[..., dict[str, Any]]
COLOURS = {"roof": (204, 51, 26), "forest": (26, 128, 26), "water": (26, 51, 204)}
DIM = 5


def paint(path: Path, colour: tuple[int, int, int], seed: int = 0) -> None:
    noise = np.random.default_rng(seed).integers(-20, 20, (64, 64, 3))
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GEOGLOT_CONCEPTS", str(tmp_path / "concepts"))
    return tmp_path / "cache" / "search-words"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed, (name, colour) in enumerate(COLOURS.items()):
        paint(folder / f"{name}.png", colour, seed)
    return folder


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The models that were loaded."""
    found, load = list[str](), zoo.load_word_model

    def note(model: Any, **settings: Any) -> Any:
        found.append(str(model))
        return load(model, **settings)

    monkeypatch.setattr(zoo, "load_word_model", note)
    yield found


def ask(place: Path, words: str | None = None, model: Path | None = None, **given: Any) -> dict[str, Any]:
    """A search by a new index, as its document without the time it took."""
    document = Index(place, model=model).search(words, **given).to_json()
    return {key: value for key, value in document.items() if key != "seconds"}


def cold(cache: Path, place: Path, *given: Any, **more: Any) -> dict[str, Any]:
    """The same with nothing kept of words; what is kept stays as it is."""
    aside = cache.with_name("aside")
    if cache.exists():
        cache.rename(aside)
    try:
        return ask(place, *given, **more)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        if aside.exists():
            aside.rename(cache)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("water", {}),
        ("forest, trees, trees", {}),
        ("4712", {}),  # has a note
        ("water", {"options": SearchOptions(top=1, where="source like '%t%'")}),
        ("water", {"options": SearchOptions(after="2024-01-01")}),  # leaves nothing
    ],
)
def test_the_same_words_again_load_no_model(
    cache: Path, pictures: Path, loads: list[str], words: str, given: dict[str, Any]
) -> None:
    first = ask(pictures, words, **given)
    loads.clear()
    assert ask(pictures, words, **given) == first
    assert not loads
    assert cold(cache, pictures, words, **given) == first and loads


def test_a_picture_beside_words(cache: Path, pictures: Path, tmp_path: Path) -> None:
    paint(tmp_path / "like.png", COLOURS["roof"], 9)
    for given in ({"image": tmp_path / "like.png"}, {"like": [tmp_path / "like.png"]}):
        first = ask(pictures, "water", **given)
        assert ask(pictures, "water", **given) == cold(cache, pictures, "water", **given) == first
    assert ask(pictures, image=tmp_path / "like.png") == cold(cache, pictures, image=tmp_path / "like.png")


def test_an_archive_of_a_scene(cache: Path, tmp_path: Path, loads: list[str]) -> None:
    """Its chips have outlines, and its folder is not written to by a search."""
    scene = crop_demo(tmp_path / "scene.tif")
    for patches in (False, True):
        archive = tmp_path / f"archive{patches}"
        add(archive, scene, options=IndexOptions(patches=patches))
        files = {path: path.stat().st_mtime_ns for path in archive.rglob("*")}
        first = Index(archive).search("trees")
        loads.clear()
        again = Index(archive).search("trees")
        assert not loads and [hit.outline for hit in again.hits] == [hit.outline for hit in first.hits]
        assert ask(archive, "trees") == cold(cache, archive, "trees")
        assert {path: path.stat().st_mtime_ns for path in archive.rglob("*")} == files


def test_pictures_that_come_go_and_change(cache: Path, pictures: Path, loads: list[str]) -> None:
    ask(pictures, "water")
    paint(pictures / "lake.png", COLOURS["water"], 7)
    assert ask(pictures, "water") == cold(cache, pictures, "water")
    paint(pictures / "roof.png", COLOURS["water"], 8)
    assert ask(pictures, "water") == cold(cache, pictures, "water")
    (pictures / "lake.png").unlink()
    loads.clear()
    warm = ask(pictures, "water")
    assert not loads and warm == cold(cache, pictures, "water")


def test_a_file_beside_a_picture_may_change_how_it_is_read(cache: Path, pictures: Path, tmp_path: Path) -> None:
    add(tmp_path / "archive", pictures)
    ask(tmp_path / "archive", "water")
    (pictures / "water.pgw").write_text("1\n0\n0\n-1\n500000\n4000000\n")
    assert ask(tmp_path / "archive", "water") == cold(cache, tmp_path / "archive", "water")
    (pictures / "water.png").unlink()
    gone = ask(tmp_path / "archive", "water")
    assert gone == cold(cache, tmp_path / "archive", "water") and "cannot be read" in gone["notes"][-1]


def test_another_model_says_something_else(cache: Path, pictures: Path, tmp_path: Path, loads: list[str]) -> None:
    model = load_word_model("mini")
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)))
    save_model(model, tmp_path / "other")
    mini, other = ask(pictures, "water"), ask(pictures, "water", tmp_path / "other")
    assert mini != other
    loads.clear()
    assert ask(pictures, "water") == mini and ask(pictures, "water", tmp_path / "other") == other
    assert not loads


def test_whatever_decides_what_a_model_says_has_its_part_in_its_identity(tmp_path: Path) -> None:
    shutil.copytree(find_model("mini"), folder := tmp_path / "model")
    known = {LazyModel.of(folder).identity, LazyModel.of(folder, "cpu").identity}
    for name in (TOKENIZER, CALIBRATION):
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
        known.add(LazyModel.of(folder).identity)
    assert len(known) == 4 and LazyModel.of("mini").identity == LazyModel.of("mini").identity
    assert not LazyModel.of(load_word_model("mini")).identity  # it may have been changed in memory


def test_concepts_are_read_anew(pictures: Path, tmp_path: Path) -> None:
    add(tmp_path / "archive", pictures)
    teach(tmp_path / "archive", "wet@mine", [mark(tmp_path, "yes", pictures / "water.png")], words="water")
    first = ask(tmp_path / "archive", "wet@mine")
    teach(tmp_path / "archive", "wet@mine", [mark(tmp_path, "more", pictures / "roof.png")])
    assert ask(tmp_path / "archive", "wet@mine") != first


def mark(folder: Path, name: str, source: Path) -> Path:
    (folder / f"{name}.txt").write_text(f"{source}\n")
    return folder / f"{name}.txt"


def test_words_that_cannot_be_read_are_refused_again(pictures: Path) -> None:
    for _ in range(2):
        with pytest.raises(ClassesError, match="knows no part"):
            ask(pictures, "房屋")


@pytest.mark.parametrize("kept", ["heights", "words"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
        lambda content: bytes(len(content)),
        lambda content: content * (2**25 // len(content)),
    ],
    ids=["empty", "cut", "a bit", "zeros", "large"],
)
def test_a_damaged_file_counts_as_none(
    cache: Path, pictures: Path, loads: list[str], kept: str, damage: Callable[[bytes], bytes]
) -> None:
    first = ask(pictures, "water")
    [path] = [path for path in cache.iterdir() if path.name.endswith("-heights") == (kept == "heights")]
    path.write_bytes(damage(path.read_bytes()))
    loads.clear()
    assert ask(pictures, "water") == first and loads
    loads.clear()
    assert ask(pictures, "water") == first and not loads, "it was mended"


@pytest.mark.skipif(os.name != "posix", reason="pipes and rights of POSIX")
def test_a_cache_that_cannot_be_used_keeps_nothing(cache: Path, pictures: Path) -> None:
    first = ask(pictures, "water")
    [path] = [path for path in cache.iterdir() if not path.name.endswith("-heights")]
    path.unlink()
    os.mkfifo(path)
    assert ask(pictures, "water") == first
    shutil.rmtree(cache)
    cache.write_text("a file of somebody's")
    assert ask(pictures, "water") == first and cache.read_text() == "a file of somebody's"


def say(seed: int = 0, judge: bool = True) -> Said:
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(DIM + 2, DIM)).astype(np.float32)
    known = WordJudge(numbers[0], Heights(numbers[1], numbers[2:]), -0.25) if judge else None
    return Said(random.normal(size=DIM).astype(np.float32), known, ("a note",))


def look(best: float) -> Look:
    return Look(best, (0.0, 0.1, 0.5, 1.0), None, 1 / 3)


def open_kept(words: str, said: Said, identity: str = "a" * 64) -> KeptWords:
    return KeptWords.open(identity, [words], DIM, lambda: said)


def test_two_searches_at_once_leave_what_one_of_them_wrote() -> None:
    one, other = open_kept("x", say()), open_kept("x", say())
    one.keep("1", look(0.1))
    other.keep("2", look(0.2))
    other.save()
    one.save()
    assert {chip: each.best for chip, each in open_kept("x", say(1)).looks.items()} == {"1": 0.1}


def test_what_is_kept_has_bounds(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_words, "_MOST_FILES", 4)
    monkeypatch.setattr(kept_words, "_MOST_LOOKS", 3)
    cache.mkdir(parents=True)
    (cache / "of somebody's").write_text("stays")
    for number in range(9):
        kept = open_kept(str(number), say(judge=False))
        for chip in range(5):
            kept.keep(str(chip), look(float(chip)))
        kept.save()
        os.utime(kept.path or "", ns=(number, number))
    assert len(list(cache.iterdir())) == 5 and (cache / "of somebody's").exists()
    assert set(open_kept("8", say()).looks) == {"2", "3", "4"}, "the last ones stay"
    assert open_kept("0", say(7)).is_new
    monkeypatch.setattr(kept_words, "_MOST_BYTES", 10)
    (kept := open_kept("large", say())).save()
    assert kept.path is not None and not kept.path.exists()
