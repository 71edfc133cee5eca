import numpy as np
import pytest
import rasterio
import torch

from geoglot.demo import SCENE
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.scene.class_words import ClassWords
from geoglot.scene.image_presence import ImagePresence, nothing_notes


@pytest.fixture(scope="module")
def mini() -> VisionLanguageModel:
    return load_word_model("mini", device="cpu")


def shown(model: VisionLanguageModel, *words: str) -> list[bool | None]:
    with rasterio.open(SCENE) as source:
        pixels = np.clip(source.read([1, 2, 3]).astype("float32") / 500, 0, 1)
    with torch.inference_mode():
        vector = model.encode_image(torch.from_numpy(pixels)[None])[0].numpy()
    presence = ImagePresence(model, [ClassWords(word, (word,)) for word in words])
    return [presence.shows(vector, index) for index in range(len(words))]


def test_a_town_shows_houses_and_neither_a_beach_nor_a_violin(mini: VisionLanguageModel) -> None:
    assert shown(mini, "residential area", "beach", "violin", "desert", "houses") == [True, False, False, False, True]


def test_a_class_of_several_words_is_shown_if_one_is(mini: VisionLanguageModel) -> None:
    presence = ImagePresence(mini, [ClassWords("town", ("desert", "residential area"))])
    vector = mini.encode_text(["residential area"])[0].detach().numpy()
    assert presence.shows(vector, 0) is True


def test_a_model_that_is_not_calibrated_says_nothing(
    mini: VisionLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mini, "sense", None)
    assert shown(mini, "beach") == [None]
    assert nothing_notes([None, True]) == () and "1 of 2 images or windows show" in nothing_notes([False, True])[0]
