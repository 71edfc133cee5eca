"""A taught class as a word: for an archive, for whole images, and for the model below."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from drawn import FIELD, NAMES, TAUGHT, points, save
from geoglot.errors import ClassesError, InputError, ModelError
from geoglot.index.build.build import add
from geoglot.index.concepts.teach import teach as teach_archive
from geoglot.index.search.index import Index
from geoglot.index.search.picture_cache import open_or_index
from geoglot.models.taught import Taught
from geoglot.models.zoo import load_segmenter, load_word_model
from geoglot.options import SearchOptions, SegmentOptions
from geoglot.scene.concept_names import Owner
from geoglot.scene.concepts import load_concept
from geoglot.scene.text_vectors import text_vectors
from geoglot.tasks.change.change import change
from geoglot.tasks.classify import classify
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.segment import segment
from geoglot.training.teach.teach import teach
from worlds import UTM, paint, write_scene


@pytest.fixture
def mine(scene: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A taught model in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOGLOT_CONCEPTS", str(tmp_path / "concepts"))
    teach(scene, save(points(FIELD, 8), tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    return tmp_path / "mine"


def test_a_taught_class_is_a_word_of_the_model_below(mine: Path, base: Path, scene: Path, tmp_path: Path) -> None:
    result = segment(
        scene, "shed@mine, water, forest", tmp_path / "map.tif", model=base, options=SegmentOptions(overlay=False)
    )
    shares = {share.name: share.share for share in result.classes}
    assert shares["shed@mine"] == pytest.approx((FIELD == 2).mean(), rel=0.15)


def test_it_means_the_same_to_the_taught_model_by_its_plain_name(mine: Path) -> None:
    model = load_word_model(mine, device="cpu")
    plain, named = text_vectors(model, ["sheds", "shed@mine"])
    assert torch.equal(plain, named)
    assert not torch.equal(plain, text_vectors(model, ["roof"])[0])
    assert load_concept("shed@mine", Owner.of(model)).level == pytest.approx(float(model.levels[1]))


def test_an_archive_is_searched_by_taught_classes(mine: Path, base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    for kind, name in enumerate(NAMES):
        write_scene(folder / f"{name}.tif", paint(np.full((64, 64), kind), NAMES), **UTM)
    assert add(tmp_path / "archive", folder, model=mine).failed == []
    for word, model in (("shed", mine), ("shed@mine", base)):
        hits = Index(tmp_path / "archive", model=model).search(word, options=SearchOptions(top=1))
        assert Path(hits.hits[0].source).stem == "roof" and hits.present is None
    assert add(tmp_path / "archive", folder, model=base).there == 3


def test_a_folder_of_pictures_is_encoded_once_for_all_models_of_a_base(
    mine: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    (folder := tmp_path / "scenes").mkdir()
    write_scene(folder / "a.tif", paint(FIELD[:64, :64], NAMES))
    assert open_or_index(folder, mine).archive.place == open_or_index(folder, base).archive.place


def test_it_is_no_word_of_another_model_and_is_not_taught_by_an_archive(mine: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(ClassesError, match="was taught for"):
        load_concept("shed@mine", Owner("mini", "1" * 64))
    with pytest.raises(ClassesError, match="no concept 'barn@mine'; known are lagoon@mine, shed@mine, thicket@mine;"):
        load_concept("barn@mine", Owner.of(load_word_model(base, device="cpu")))
    folder = tmp_path / "scenes"
    folder.mkdir()
    write_scene(folder / "a.tif", paint(FIELD[:64, :64], NAMES))
    add(tmp_path / "archive", folder, model=base)
    with pytest.raises(InputError, match="is a class of a taught model"):
        teach_archive(tmp_path / "archive", "shed@mine", model=base)


def test_a_class_of_another_model_has_its_number_and_case_for_nothing(mine: Path) -> None:
    owner = Owner.of(load_word_model(mine, device="cpu"))
    assert torch.equal(load_concept("Sheds@mine", owner).vector, load_concept("shed@mine", owner).vector)


@pytest.mark.parametrize("word", ["shed@my sheds", "shed@runs/mine", "@mine", "shed@"])
def test_a_word_with_at_is_never_read_as_a_text(word: str, mine: Path, base: Path) -> None:
    with pytest.raises(ClassesError, match="a word with @ must be a concept"):
        text_vectors(load_word_model(base, device="cpu"), ["water", word])


def test_what_became_of_a_taught_model_is_told(mine: Path, base: Path) -> None:
    owner, card = Owner.of(load_word_model(mine, device="cpu")), mine / "card.json"
    with pytest.raises(ClassesError, match="was taught for another colours"):
        load_concept("shed@mine", Owner("colours", "1" * 64))
    whole = card.read_text()
    card.write_text("{")
    with pytest.raises(ModelError, match=r"mine/card.json is not a model card"):
        load_concept("shed@mine", owner)
    card.write_text(whole)
    base.rename(base.with_name("moved"))
    with pytest.raises(ModelError, match=r"mine stands on .*colours, which is not there .*; put it there again"):
        load_word_model(mine, device="cpu")


def test_a_taught_class_that_is_nowhere_is_told(mine: Path, tmp_path: Path) -> None:
    bare = write_scene(tmp_path / "bare.tif", paint(np.where(FIELD == 2, 0, FIELD), NAMES))
    result = segment(bare, None, tmp_path / "map.tif", model=mine, options=SegmentOptions(overlay=False))
    assert [note for note in result.notes if "found" in note] == [
        "no shed found: nothing here looks more like one than like anything else"
    ]


def test_words_that_are_nowhere_are_told_beside_taught_classes(tmp_path: Path) -> None:
    """As without them: a map by mini says that there is no elephant."""
    mini = load_word_model("mini", device="cpu")
    names = ("grass", "path")
    words = text_vectors(mini, names)
    head = {"weight": mini.card.logit_scale * words, "bias": torch.zeros(2), "words": words, "levels": torch.zeros(2)}
    taught = Taught(replace(mini.card, name="mine", config={"classes": names}), mini, head)
    scene = write_scene(tmp_path / "scene.tif", paint(FIELD[:128, :128], NAMES))
    result = segment(
        scene, "grass, elephant", tmp_path / "map.tif", model=taught, options=SegmentOptions(overlay=False)
    )
    assert any(note.startswith("no elephant found") for note in result.notes)


def test_dates_are_compared_by_all_taught_classes(mine: Path, scene: Path, tmp_path: Path) -> None:
    result = change([scene, scene], None, tmp_path / "change.tif", model=mine)
    assert {each.name for each in result.classes} == set(TAUGHT)  # each place is one of them, as in a map


def test_words_of_a_class_file_count_at_no_door(mine: Path, scene: Path) -> None:
    asked = ({"shed": ["water"], "lagoon": ["lagoon"]}, "shed, lagoon")
    one, other = (classify(scene, classes, model=mine).results for classes in asked)
    assert one == other


@pytest.mark.parametrize(
    "names", [{"shed": ["shed"], "Sheds": ["Sheds"]}, {"built": ["shed", "roof"], "shed": ["shed"]}]
)
def test_two_names_of_one_taught_class_are_refused(
    names: dict[str, list[str]], mine: Path, scene: Path, tmp_path: Path
) -> None:
    """The second would never be chosen, and its share would be 0."""
    doors = (partial(segment, scene, output=tmp_path / "map.tif"), partial(find, scene), partial(change, [scene] * 2))
    for door in doors:
        with pytest.raises(ClassesError, match="are both the class 'shed' of mine"):
            door(names, model=mine)


def test_a_taught_model_is_no_segmenter_but_can_teach_one(mine: Path) -> None:
    with pytest.raises(ModelError, match="train words --teacher mine"):
        load_segmenter(mine)
