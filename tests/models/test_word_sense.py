import shutil
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch import Tensor

from geoglot.cli.models import command as models
from geoglot.errors import ModelError
from geoglot.models.calibration import calibrate, embed_plainly
from geoglot.models.card import CALIBRATION
from geoglot.models.stored import find_model
from geoglot.models.word_sense import WordSense, is_listed, list_words
from geoglot.models.zoo import load_word_model


def around(centre: Tensor, count: int, spread: float, seed: int) -> Tensor:
    noise = torch.randn(count, len(centre), generator=torch.Generator().manual_seed(seed))
    return F.normalize(centre + spread * noise, dim=1)


SEEN, ABSURD = torch.eye(32)[0], torch.eye(32)[1]


def test_a_word_among_absurd_ones_is_doubted_and_no_other() -> None:
    sense = WordSense(around(SEEN, 60, 0.1, 0), around(ABSURD, 60, 0.1, 1))
    among_seen, among_absurd = around(SEEN, 5, 0.1, 2), around(ABSURD, 5, 0.1, 3)
    assert sense.doubts(["a"] * 5, among_seen).tolist() == [0.0] * 5
    assert sense.doubts(["a"] * 5, among_absurd).max() < -3
    assert sense.doubts(["water"] * 5, among_absurd).tolist() == [0.0] * 5  # it is in the list


def test_a_model_that_cannot_tell_the_lists_apart_doubts_nothing() -> None:
    sense = WordSense(around(SEEN, 60, 1.0, 0), around(SEEN, 60, 1.0, 1))
    assert sense.doubts(["a"] * 9, around(ABSURD, 9, 1.0, 2)).tolist() == [0.0] * 9


def test_the_lists_hold_each_word_once_and_no_word_both() -> None:
    seen, absurd = list_words("seen"), list_words("absurd")
    assert len({*seen, *absurd}) == len(seen) + len(absurd)
    assert {"water", "swimming pool", "building"} <= {*seen} and {"guitar", "ice cream"} <= {*absurd}


def test_mini_doubts_absurd_words_that_no_list_has() -> None:
    mini, others = load_word_model("mini"), ["elephant", "violin", "stapler", "mermaid", "omelette"]
    assert mini.sense is not None and not {*others} & {*list_words("absurd")}
    assert mini.sense.doubts(others, embed_plainly(mini, others)).max() < -3
    common = ["car park", "oak wood", "motorways", "flooded field"]
    assert mini.sense.doubts(common, embed_plainly(mini, common)).min() > -1


def test_a_phrase_is_what_its_last_words_are() -> None:
    assert is_listed("Flooded field") and is_listed("red swimming pools") and is_listed("tree")
    assert not is_listed("toaster oven") and not is_listed("water violin")


def test_a_calibration_is_read_again_and_only_by_its_own_model(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(find_model("mini"), folder)
    (folder / CALIBRATION).unlink()
    assert load_word_model(folder).sense is None
    calibrate(load_word_model(folder), folder)
    again, bundled = load_word_model(folder).sense, load_word_model("mini").sense
    assert again is not None and bundled is not None and torch.equal(again.absurd, bundled.absurd)
    model = load_word_model(folder)
    model.text.requires_grad_(False)
    for parameter in model.text.parameters():
        parameter.copy_(torch.randn_like(parameter))
    calibrate(model, folder)
    with pytest.raises(ModelError, match="geoglot models calibrate"):
        load_word_model(folder)


def test_a_model_is_calibrated_anew_whatever_calibration_it_had(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(find_model("mini"), folder)
    right = (folder / CALIBRATION).read_bytes()
    save_file({kind: -tensor for kind, tensor in load_file(folder / CALIBRATION).items()}, folder / CALIBRATION)
    with pytest.raises(ModelError, match="geoglot models calibrate"):
        load_word_model(folder)
    assert CliRunner().invoke(models, ["calibrate", str(folder)]).exit_code == 0
    assert (folder / CALIBRATION).read_bytes() == right


def test_a_model_that_does_not_load_keeps_its_calibration(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(find_model("mini"), folder)
    (folder / "weights.safetensors").write_bytes(b"cut off")
    with pytest.raises(ModelError):
        CliRunner().invoke(models, ["calibrate", str(folder)], catch_exceptions=False, standalone_mode=False)
    assert (folder / CALIBRATION).is_file()
