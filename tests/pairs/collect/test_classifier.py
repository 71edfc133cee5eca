from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ResNetConfig, ResNetForImageClassification

from geoglot.errors import InputError, ModelError
from geoglot.pairs.collect.classifier import PhotoClassifier, read_indoor
from geoglot.pairs.collect.collect_recipe import FiltersRecipe
from geoglot.pairs.collect.judge import open_judges


def photo(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def indoor(tmp_path: Path) -> Path:
    path = tmp_path / "indoor.txt"
    path.write_text("/l/living_room 1\n/b/beach 2\n/k/kitchen 1\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny classifier of transformers with random weights."""
    names = ["/b/beach", "/l/living_room", "/f/forest", "/k/kitchen"]
    config = ResNetConfig(
        embedding_size=4, hidden_sizes=[8], depths=[1], layer_type="basic", id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
    )  # fmt: skip
    torch.manual_seed(3)
    ResNetForImageClassification(config).eval().save_pretrained(tmp_path / "places")
    return tmp_path / "places"


def test_a_list_says_which_classes_are_indoor(indoor: Path, tmp_path: Path) -> None:
    assert read_indoor(indoor) == {"living room", "kitchen"}
    (tmp_path / "plain.txt").write_text("Living_Room\n\n")
    assert read_indoor(tmp_path / "plain.txt") == {"living room"}
    (tmp_path / "wrong.txt").write_text("bar 7\n")
    with pytest.raises(InputError, match="bar 7"):
        read_indoor(tmp_path / "wrong.txt")


def test_the_probability_is_the_sum_over_indoor_classes(folder: Path, indoor: Path) -> None:
    judge = PhotoClassifier(folder, indoor)
    pictures = {"a": photo((200, 30, 30)), "b": photo((20, 90, 240))}
    sure = judge.probabilities(pictures)
    model = ResNetForImageClassification.from_pretrained(folder)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    pixels = torch.tensor([[200, 30, 30], [20, 90, 240]]).view(2, 3, 1, 1).expand(2, 3, 224, 224) / 255
    with torch.inference_mode():
        expected = model.eval()((pixels - mean) / std).logits.softmax(1)[:, [1, 3]].sum(1)
    np.testing.assert_allclose(sure[:, 0], expected.numpy(), atol=1e-4)
    assert judge.identity != "" and judge.without == ("indoor",)


def test_a_graph_with_a_list_of_classes_is_a_classifier_too(tmp_path: Path, indoor: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kinds = onnx.helper, onnx.TensorProto
    given = helper.make_tensor_value_info("pixels", kinds.FLOAT, ["n", 3, 224, 224])
    made = helper.make_tensor_value_info("scores", kinds.FLOAT, ["n", 3, 1, 1])
    graph = helper.make_graph([helper.make_node("GlobalAveragePool", ["pixels"], ["scores"])], "g", [given], [made])
    flat = helper.make_tensor_value_info("flat", kinds.FLOAT, ["n", 3])
    graph = helper.make_graph(
        [*graph.node, helper.make_node("Flatten", ["scores"], ["flat"])], "g", [given], [flat]
    )  # the mean of each colour
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "graph").mkdir()
    onnx.save(model, tmp_path / "graph" / "model.onnx")
    (tmp_path / "graph" / "classes.txt").write_text("beach\nliving room\nkitchen\n")
    judge = PhotoClassifier(tmp_path / "graph", indoor)
    red, blue = judge.probabilities({"a": photo((255, 0, 0)), "b": photo((0, 0, 255))})[:, 0]
    assert red < 0.5 < blue
    (tmp_path / "graph" / "classes.txt").write_text("kitchen\nliving room\nbeach\n")
    other = PhotoClassifier(tmp_path / "graph", indoor)
    assert other.identity != judge.identity and other.probabilities({"a": photo((255, 0, 0))})[0, 0] > 0.5
    (tmp_path / "graph" / "classes.txt").write_text("beach\nkitchen\n")
    with pytest.raises(ModelError, match="3 scores"):
        PhotoClassifier(tmp_path / "graph", indoor).probabilities({"a": photo((255, 0, 0))})


def test_classes_that_are_not_its_own_are_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("garage\n")
    with pytest.raises(InputError, match="names 0 of 4"):
        PhotoClassifier(folder, tmp_path / "other.txt")
    with pytest.raises(InputError, match="belong together"):
        FiltersRecipe(classifier=folder)


def test_a_classifier_stands_in_for_the_prompts_of_indoor_alone(folder: Path, indoor: Path) -> None:
    [one] = open_judges(FiltersRecipe(classifier=folder, indoor=indoor), Path())
    assert one.without == ("indoor",)
    both = open_judges(
        FiltersRecipe(judge="mini", classifier=folder, indoor=indoor, without=("indoor", "text")), Path()
    )
    assert [judge.without for judge in both] == [("indoor",), ("text",)]
    with pytest.raises(InputError, match=r"set filters\.judge"):
        open_judges(FiltersRecipe(classifier=folder, indoor=indoor, without=("indoor", "people")), Path())
