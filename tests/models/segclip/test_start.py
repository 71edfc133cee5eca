"""A segmenter that starts from another one knows what that one knew, class by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from geoglot.models.card import Card
from geoglot.models.segclip.builder import Origins, build_segmenter
from geoglot.models.segclip.config import Fusion, Prompts, SegClipConfig
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, Segmenter, save_segmenter
from geoglot.models.upernet import UPerNetConfig
from tinyclip import store_clip
from tinysegclip import TINY, tiny_config

CLASSES = ("water", "road", "background", "forest")
PIXELS = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
CHANGES: dict[str, dict[str, Any]] = {
    "texts": {},
    "no texts": {"prompts": Prompts(on=False), "fusion": Fusion(on=False)},
    "learned background": {"prompts": Prompts(background="learned")},
    "padded": {"prompts": Prompts(padding="blank", context=3)},
    "cosine": {"class_head": "cosine"},
}


def build(
    classes: tuple[str, ...],
    settings: SegClipConfig | UPerNetConfig,
    start: Path | None,
    seed: int,
    texts: str = "mini",
) -> Segmenter:
    torch.manual_seed(seed)
    family = "upernet" if isinstance(settings, UPerNetConfig) else "segclip"
    card = Card(
        "start", family, 0, 4, 64, (0.1, 30.0), IMAGENET_MEAN, IMAGENET_STD, 1.0, "Apache-2.0", "tests",
        config={"classes": classes},
    )  # fmt: skip
    return build_segmenter(card, settings, Origins(texts, None, str(start) if start else None)).eval()


def settings_of(**changed: Any) -> SegClipConfig:
    config = tiny_config(pixel_decoder="fpn", layers=3, **changed)
    return SegClipConfig(**{**vars(config), "classes": ()})


@torch.inference_mode()
def scores(model: Segmenter) -> dict[str, Tensor]:
    return dict(zip(model.classes, model(PIXELS)[0], strict=True))


SETTINGS = {name: settings_of(**changed) for name, changed in CHANGES.items()} | {"upernet": UPerNetConfig(TINY, 32)}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("classes", [CLASSES, CLASSES[::-1]], ids=["same order", "other order"])
def test_classes_score_as_before_whatever_their_ids(
    tmp_path: Path, classes: tuple[str, ...], settings: SegClipConfig | UPerNetConfig
) -> None:
    first = build(CLASSES, settings, None, 0)
    save_segmenter(first, tmp_path / "first")
    before, now = scores(first), scores(build(classes, settings, tmp_path / "first", 1))
    for name in CLASSES:
        torch.testing.assert_close(now[name], before[name], rtol=1e-4, atol=1e-5)


def test_weights_of_known_classes_are_kept_beside_new_ones(tmp_path: Path) -> None:
    save_segmenter(build(CLASSES, settings_of(), None, 0), tmp_path / "first")
    first = build(CLASSES, settings_of(), tmp_path / "first", 1).network.state_dict()
    classes = ("field", "forest", "water", "quarry", "road")
    fresh, model = (build(classes, settings_of(), start, 1) for start in (None, tmp_path / "first"))
    weights, random = model.network.state_dict(), fresh.network.state_dict()
    for name in ("classes.weight", "classes.bias", "places.weight"):
        for row, known in ((1, 3), (2, 0), (4, 1), (-1, -1)):
            assert torch.equal(weights[name][row], first[name][known])
        assert torch.equal(weights[name][0], random[name][0])


def test_what_maps_the_texts_of_another_model_is_not_taken(tmp_path: Path) -> None:
    store_clip(tmp_path / "clip")
    save_segmenter(build(CLASSES, settings_of(), None, 0, str(tmp_path / "clip")), tmp_path / "first")
    fresh, model = (build(CLASSES, settings_of(), start, 1) for start in (None, tmp_path / "first"))
    name = "table.mapper.2.weight"
    assert torch.equal(model.network.state_dict()[name], fresh.network.state_dict()[name])
