from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.datasets.dataset import Label, Scenes
from geoglot.datasets.sets.class_folders import AID
from geoglot.errors import InputError
from geoglot.evaluation.image_vectors import Fit
from geoglot.models.zoo import load_word_model
from geoglot.training.train_classify import ClassifySampling, _Images, train_classify
from published import folders
from tinyclip import store_clip

RECIPE = """
name = "fine"
output = "{output}"
model = "tiny"
templates = ["a photo of {{}}"]
[data]
set = "aid"
folder = "."
train = "all"
validation = "all"
[sampling]
batch = 15
augment = false
workers = 0
[fit]
steps = {steps}
rate = {rate}
evaluate_every = {steps}
checkpoint_every = 4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("classify")
    folders(made / "AID", list(AID.words), each=1)
    store_clip(made / "tiny")
    return made


def write(folder: Path, output: str, steps: int = 30, rate: float = 3e-3) -> Path:
    path = folder / f"{output}.toml"
    path.write_text(RECIPE.format(output=output, steps=steps, rate=rate))
    return path


def test_images_learn_the_words_of_their_classes_and_texts_stay(folder: Path) -> None:
    run = CliRunner().invoke(cli, ["train", "classify", str(write(folder, "out")), "--json"])
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    losses = [json.loads(line)["loss"] for line in Path(document["metrics"]).read_text().splitlines()]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3
    assert document["figures"]["top1"] > 3 / 30  # three times chance
    first, model = load_word_model(folder / "tiny"), load_word_model(document["model"])
    assert "fine-tuned by geoglot on aid" in model.card.source
    texts = ["a pond", "a desert"]
    torch.testing.assert_close(model.encode_text(texts), first.encode_text(texts))


@pytest.mark.parametrize("fit", ["mirror", "black", "resize"])
def test_an_augmented_picture_is_padded_as_others_are(fit: Fit) -> None:
    """Turned, mirrored and recoloured, and then fitted: black stays black, and a mirror image shows what it mirrors."""
    picture = np.random.default_rng(0).random((3, 20, 30), np.float32)
    scenes = Scenes((Label("a", "a"), Label("b", "b")), [lambda: picture] * 2, np.eye(2, dtype=bool))
    images = _Images(scenes, ClassifySampling(fit=fit), 64)
    for position in range(8):
        pixels, _ = images.crop(position)
        assert pixels.shape == (3, 64, 64) and pixels.dtype == torch.float32
        if fit == "black":
            shown = (pixels > 0).any(0)
            assert int(shown.sum()) <= 600 and not shown[:17].any() and not shown[:, :17].any()
        if fit == "mirror":
            rows, cols = (20, 30) if torch.equal(pixels[:, 19], pixels[:, 20]) else (30, 20)
            assert torch.equal(pixels[:, rows], pixels[:, rows - 1]) and torch.equal(
                pixels[:, :, cols], pixels[:, :, cols - 1]
            )


def test_a_run_resumes_to_the_same_weights(folder: Path) -> None:
    whole = train_classify(write(folder, "whole", 6))
    path = write(folder, "part", 6)

    class Stop(Exception):
        pass

    def stop(step: int, *_: object) -> None:
        if step == 5:
            raise Stop

    with pytest.raises(Stop):
        train_classify(path, report=stop)
    again = train_classify(path)
    assert any("resumed after 4" in note for note in again.notes)
    weights = [(done.model / "weights.safetensors").read_bytes() for done in (whole, again)]
    assert weights[0] == weights[1]


def test_a_model_that_is_no_clip_is_refused(folder: Path) -> None:
    path = write(folder, "mini")
    path.write_text(path.read_text().replace('model = "tiny"', 'model = "mini"'))
    with pytest.raises(InputError, match="must be a CLIP or a GRAFT"):
        train_classify(path)
