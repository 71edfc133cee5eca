from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import rasterio
import torch
import torch.nn.functional as F
from torch import Tensor

import geoglot.models.mini as package
from geoglot.demo import SCENE
from geoglot.models.base import VisionLanguageModel
from geoglot.models.mini.efficientnet import ConvNorm, EfficientNetLite0
from geoglot.models.mini.fine_path import FinePath
from geoglot.models.mini.mini import Mini, build_mini
from geoglot.models.presence import Presence
from geoglot.models.zoo import load_word_model
from geoglot.scene.embed import encode
from geoglot.scene.text_vectors import text_vectors
from geoglot.sources.raster import open_raster

WEIGHTS = Path(package.__file__).parent / "weights"


@pytest.fixture(scope="module")
def mini() -> VisionLanguageModel:
    return load_word_model("mini", device="cpu")


def assert_unit(vectors: Tensor, dim: int = 1) -> None:
    torch.testing.assert_close(vectors.norm(dim=dim), torch.ones_like(vectors.norm(dim=dim)))


def test_it_fits_in_the_wheel() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 25e6


def test_all_vectors_are_unit_length_and_of_one_space(mini: VisionLanguageModel) -> None:
    pixels = torch.rand(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    image, patches, text = mini.encode_image(pixels), mini.encode_patches(pixels), mini.encode_text(["a", "b c"])
    rows, cols = 96 // mini.card.patch_size, 64 // mini.card.patch_size
    assert image.shape == (2, 256) and patches.shape == (2, 256, rows, cols) and text.shape == (2, 256)
    for vectors in (image, patches, text):
        assert vectors.dtype == torch.float32
        assert_unit(vectors)


@pytest.mark.parametrize("shape", [(16, 16), (48, 80), (224, 224), (208, 32)])
def test_every_multiple_of_the_patch_works(mini: VisionLanguageModel, shape: tuple[int, int]) -> None:
    patches = mini.encode_patches(torch.rand(1, 3, *shape))
    assert patches.shape[2:] == (shape[0] // mini.card.patch_size, shape[1] // mini.card.patch_size)


def test_a_batch_is_its_tiles_one_by_one(mini: VisionLanguageModel) -> None:
    pixels = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    one_by_one = torch.cat([mini.encode_patches(tile[None]) for tile in pixels])
    torch.testing.assert_close(mini.encode_patches(pixels), one_by_one, atol=1e-5, rtol=1e-4)
    texts = ["a river", "a satellite photo of many houses", "snow"]
    alone = torch.cat([mini.encode_text([text]) for text in texts])
    torch.testing.assert_close(mini.encode_text(texts), alone, atol=1e-6, rtol=1e-5)


def test_nothing_has_no_vectors(mini: VisionLanguageModel) -> None:
    assert mini.encode_text([]).shape == (0, 256)
    assert mini.encode_image(torch.rand(0, 3, 64, 64)).shape == (0, 256)
    rows, cols = 64 // mini.card.patch_size, 48 // mini.card.patch_size
    assert mini.encode_patches(torch.rand(0, 3, 64, 48)).shape == (0, 256, rows, cols)


def test_tiles_go_through_in_parts_but_not_in_training() -> None:
    model = load_word_model("mini", device="cpu")
    seen: list[int] = []
    model.image.trunk.stem.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    tiles = torch.rand(5, 3, 448, 224, generator=torch.Generator().manual_seed(2))
    model.encode_patches(tiles)
    model.train().encode_patches(tiles)
    assert seen == [2, 2, 1, 5]


def test_with_patches_of_8_a_fine_path_begins_as_the_coarse_one(mini: VisionLanguageModel) -> None:
    fine, coarse = built_like(mini, 8), built_like(mini, 16)
    torch.manual_seed(0)
    assert fine.fine is not None and fine.presence is not None and coarse.fine is None and coarse.presence is None
    fine.fine, fine.presence = FinePath(mini.card.dim).eval(), Presence(mini.card.dim)
    pixels = torch.rand(2, 3, 96, 72, generator=torch.Generator().manual_seed(0))
    patches, large = fine.encode_patches(pixels), coarse.encode_patches(pixels)
    assert patches.shape == (2, 256, 12, 9)
    assert_unit(patches)
    enlarged = F.interpolate(large, scale_factor=2, mode="bilinear")[..., 1:-2, 1:-2]  # the path begins without effect
    torch.testing.assert_close(patches[:, :, 1:10, 1:7], F.normalize(enlarged, dim=1)[:, :, :9, :6], atol=1e-4, rtol=0)
    torch.testing.assert_close(fine.encode_image(pixels), mini.encode_image(pixels))
    assert fine.presence.levels(mini.encode_text(["a river", "snow"])).shape == (2,)


def built_like(mini: VisionLanguageModel, patch: int) -> Mini:
    """A model of this patch with the trunk of `mini`; what else it has is without values."""
    assert isinstance(mini, Mini)
    model = build_mini(replace(mini.card, patch_size=patch), WEIGHTS).to_empty(device="cpu")
    model.image.load_state_dict(mini.image.state_dict())
    return model.eval()


def test_odd_texts_have_vectors_too(mini: VisionLanguageModel) -> None:
    vectors = mini.encode_text(["", "☃", "x" * 10_000, "river " * 1000])
    assert_unit(vectors)
    assert vectors.isfinite().all()


NEARER = [
    ("lake", "pond", "airport"),
    ("woods", "forest", "parking lot"),
    ("lorry park", "parking lot", "river"),
    ("harbour", "port", "farmland"),
    ("football pitch", "playground", "desert"),
    ("train station", "railway station", "beach"),
    ("housing estate", "residential area", "mountain"),
]


@pytest.mark.parametrize(("word", "near", "far"), NEARER)
def test_words_lie_near_what_they_mean(mini: VisionLanguageModel, word: str, near: str, far: str) -> None:
    vectors = mini.encode_text([word, near, far])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_green_words_lie_where_the_near_infrared_says_so(mini: VisionLanguageModel) -> None:
    """The demo scene has a band that mini never sees: the vegetation index is a truth of its own."""
    with open_raster(SCENE) as raster:
        tile = raster.read(raster.grid.whole)
    with rasterio.open(SCENE) as dataset:
        red, nir = (dataset.read(band).astype(float) for band in (1, 4))
    patch = mini.card.patch_size
    side = 600 // patch
    index = ((nir - red) / (nir + red))[: side * patch, : side * patch].reshape(side, patch, side, patch)
    green, bare = (index > 0.4).mean((1, 3)) > 0.8, (index < 0.2).mean((1, 3)) > 0.8
    scores = encode(tile, mini).scores(text_vectors(mini, ["trees", "grass", "buildings", "roads"]))[:, :side, :side]
    called = (scores[:2].amax(0) > scores[2:].amax(0)).numpy()
    assert called[green].mean() > 0.75 and called[bare].mean() < 0.4


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 2)])
def test_a_folded_norm_gives_what_the_two_layers_give(kernel: int, stride: int) -> None:
    layer, x = odd_layer(kernel, stride).eval(), torch.randn(2, 6, 32, 48)
    results = [forward(layer, x) for forward in (ConvNorm.forward, torch.nn.Sequential.forward)]
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-4)
    folded, plain = (torch.autograd.grad(result.square().mean(), [*layer.parameters()]) for result in results)
    torch.testing.assert_close(folded, plain, atol=1e-4, rtol=1e-3)


def odd_layer(kernel: int, stride: int = 1) -> ConvNorm:
    """A layer whose norm changes what it gets."""
    torch.manual_seed(kernel)
    layer = ConvNorm(6, 12, kernel, stride, groups=3)
    for tensor in layer[2].state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 2)
    return layer


def test_in_training_the_norm_takes_the_statistics_of_the_batch() -> None:
    layer, x = odd_layer(3).train(), torch.randn(2, 6, 8, 8)
    before = layer[2].running_mean.clone()
    seen = layer[1](x).mean((0, 2, 3))
    normed = (layer(x) - layer[2].bias[:, None, None]) / layer[2].weight[:, None, None]
    torch.testing.assert_close(normed.mean((0, 2, 3)), torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer[2].running_mean, before.lerp(seen, 0.01))
    assert layer[2].num_batches_tracked == 1


def test_the_trunk_has_the_published_size() -> None:
    trunk = EfficientNetLite0()
    parameters = sum(parameter.numel() for parameter in trunk.parameters())
    assert parameters == 4_652_008 - 1_281_000 - 320 * 1280 - 2 * 1280  # less the classifier and the head before it
    fine, coarse = trunk.eval()(torch.rand(1, 3, 64, 96))
    assert fine.shape == (1, 112, 4, 6) and coarse.shape == (1, 320, 2, 3)
