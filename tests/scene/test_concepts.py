from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from geoglot.errors import ClassesError, ModelError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.presence import Presence
from geoglot.models.zoo import load_word_model
from geoglot.scene.class_words import parse_classes
from geoglot.scene.concept_names import Owner, drop_collection, is_concept
from geoglot.scene.concepts import Concept, concept_vectors, list_concepts, load_concept
from geoglot.scene.covers import meaning_of
from geoglot.scene.dense import WordDense
from geoglot.scene.extents import extent_of
from geoglot.scene.image_presence import ImagePresence
from geoglot.scene.name_presence import doubts_of
from geoglot.scene.text_vectors import class_vectors, text_vectors
from geoglot.scene.word_scores import WordScores
from geoglot.scene.wording import word_notes


@pytest.fixture(scope="module")
def model() -> VisionLanguageModel:
    return load_word_model("mini", device="cpu")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOGLOT_CONCEPTS", str(tmp_path / "concepts"))
    return tmp_path / "concepts"


FACTS = {"geoglot": '{"word": "xqzv@mine", "model": {"name": "m", "sha256": ""}, "level": null, "text": ""}'}


def teach(model: VisionLanguageModel, word: str = "xqzv@mine", level: float | None = 0.3) -> Concept:
    vector = torch.nn.functional.normalize(torch.randn(model.card.dim), dim=0)
    examples = {"yes": np.eye(model.card.dim, dtype=np.float32)[:2]}
    concept = Concept(word, Owner.of(model), vector, level, "xqzv", examples)
    concept.save()
    return concept


@pytest.mark.parametrize("word", ["airstrip@mine", "solar farm@our-team", "a@b"])
def test_a_word_with_a_collection_is_a_concept(word: str) -> None:
    assert is_concept(word) and drop_collection(word) == word.partition("@")[0]


@pytest.mark.parametrize("word", ["airstrip", "@mine", "a@", "a@b@c", "../a@b", "a/b@c", ".a@b", "a@b c", "a@../b", ""])
def test_other_words_are_texts_and_no_path_leads_out_of_the_folder(word: str) -> None:
    assert not is_concept(word) and drop_collection(word) == word
    with pytest.raises(ClassesError):
        load_concept(word, Owner("m", "1"))


def test_a_concept_is_read_as_it_was_kept(model: VisionLanguageModel) -> None:
    kept = teach(model)
    read = load_concept("xqzv@mine", Owner.of(model))
    assert torch.equal(read.vector, kept.vector)
    assert (read.word, read.level, read.text, read.model) == (kept.word, 0.3, "xqzv", kept.model)
    assert np.array_equal(read.examples["yes"], kept.examples["yes"])
    assert list_concepts() == ["xqzv@mine"]
    teach(model, level=None)
    assert load_concept("xqzv@mine", Owner.of(model)).level is None


def test_it_is_a_word_wherever_words_become_vectors(model: VisionLanguageModel) -> None:
    concept = teach(model)
    assert torch.equal(text_vectors(model, ["water", "xqzv@mine"])[1], concept.vector)
    assert torch.equal(text_vectors(model, ["water", "xqzv@mine"])[0], text_vectors(model, ["water"])[0])
    both = class_vectors(model, parse_classes(["xqzv@mine"]))
    torch.testing.assert_close(both[0], concept.vector)
    question = WordDense(model).question(parse_classes(["xqzv@mine"]), None, ("{}",))
    np.testing.assert_allclose(question.own[0][0], concept.vector.numpy(), rtol=1e-5, atol=1e-6)
    assert torch.equal(concept_vectors(["xqzv@mine"], Owner.of(model))[0], concept.vector)


def test_its_level_is_its_own_and_nothing_doubts_its_name() -> None:
    model = load_word_model("mini", device="cpu")
    model.presence = Presence(model.card.dim).requires_grad_(False)
    teach(model, "democracy@mine", level=0.37)
    names = parse_classes(["democracy@mine", "water"])
    question = WordDense(model).question(names, None, ("{}",))
    assert question.levels is not None and question.levels.of[0][0] == pytest.approx(0.37)
    assert question.doubts[0] == 0 and doubts_of(model, parse_classes(["democracy"]))[0] < 0
    evidence = WordScores(model, names).evidence
    assert evidence is not None and evidence.levels is not None and evidence.levels[0] == pytest.approx(0.37)


def test_a_concept_whose_level_was_shown_gets_no_benefit_of_the_doubt_as_covers_do(model: VisionLanguageModel) -> None:
    for word, level in (("house@shown", 0.3), ("house@unshown", None)):
        Concept(word, Owner.of(model), text_vectors(model, ["building"])[0], level).save()

    def kin(*words: str) -> int:
        return len(WordDense(model).ask_texts(parse_classes({"house": list(words)}), None, ("{}",)).kin[0])

    assert kin("building") == kin("house@unshown") == 1
    assert kin("house@shown") == kin("hall", "house@shown") == 0


def test_its_name_need_not_be_a_word_that_the_model_knows(model: VisionLanguageModel) -> None:
    teach(model, "xqzvw@mine")
    assert word_notes(model, parse_classes(["xqzvw"])) and not word_notes(model, parse_classes(["xqzvw@mine"]))


def test_its_vector_tells_whether_an_image_shows_it(model: VisionLanguageModel) -> None:
    vector = teach(model).vector.numpy()
    shows = ImagePresence(model, parse_classes(["xqzv@mine"]))
    assert shows.shows(vector, 0) is True and shows.shows(-vector, 0) is False


def test_taught_again_it_is_another_word_for_a_scene_that_was_asked(model: VisionLanguageModel) -> None:
    teach(model)
    dense = WordDense(model)
    dense.question(parse_classes(["xqzv@mine"]), None, ("{}",))
    again = teach(model)
    question = dense.question(parse_classes(["xqzv@mine"]), None, ("{}",))
    np.testing.assert_allclose(question.own[0][0], again.vector.numpy(), rtol=1e-5, atol=1e-6)


def test_who_reads_words_as_english_reads_its_name(model: VisionLanguageModel) -> None:
    extent = extent_of("airport@mine")
    assert extent is not None and extent == extent_of("airport")
    (own,) = meaning_of(parse_classes(["lake@mine"]), compete=False).own
    (text,) = meaning_of(parse_classes(["lake"]), compete=False).own
    assert np.array_equal(own, text)


def test_another_model_refuses_it(model: VisionLanguageModel) -> None:
    teach(model)
    with pytest.raises(ClassesError, match=r"was taught for mini.*do not compare"):
        load_concept("xqzv@mine", Owner("clip", "0" * 64))
    with pytest.raises(ClassesError, match="reads no words"):
        concept_vectors(["lake"], Owner("AlphaEarth", ""))


def test_other_peoples_vectors_are_told_apart_by_name(model: VisionLanguageModel) -> None:
    Concept("lake@aef", Owner("AlphaEarth", ""), torch.ones(2), None).save()
    assert load_concept("lake@aef", Owner("AlphaEarth", "")).level is None
    with pytest.raises(ClassesError, match="do not compare"):
        load_concept("lake@aef", Owner("Tessera", ""))


def test_an_unknown_concept_names_those_that_are_known(model: VisionLanguageModel) -> None:
    teach(model)
    with pytest.raises(ClassesError, match="no concept 'pier@mine'; known are xqzv@mine; teach it"):
        text_vectors(model, ["pier@mine"])


@pytest.mark.parametrize("damage", ["text", "cut", "shape", "finite", "facts"])
def test_a_damaged_file_is_refused(model: VisionLanguageModel, folder: Path, damage: str) -> None:
    teach(model)
    path = folder / "mine" / "xqzv.safetensors"
    owner = Owner.of(model)
    if damage == "text":
        path.write_text("hello")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "shape":
        path.write_bytes(save({"vector": torch.ones(3), "yes": torch.ones(2, 4)}, FACTS))
    elif damage == "finite":
        Concept("xqzv@mine", owner, torch.full((3,), float("nan")), None).save()
    else:
        path.write_bytes(path.read_bytes().replace(b"level", b"lexel"))
    with pytest.raises(ModelError, match=r"is not a concept .*teach it again"):
        load_concept("xqzv@mine", owner)
