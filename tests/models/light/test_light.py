"""The light segmenter."""

from __future__ import annotations

import torch

from geoglot.models.light.light import Light, LightConfig
from geoglot.models.mini.efficientnet import EfficientNetLite0


def test_the_batch_norms_become_part_of_the_convolutions() -> None:
    network = Light(LightConfig(width=8), 3, 5)
    with torch.no_grad():
        network.train()
        network.scores(torch.rand(2, 5, 64, 64))  # statistics that are not those of the beginning
        network.eval()
        pixels = torch.rand(1, 5, 64, 96)
        torch.testing.assert_close(network.fused().scores(pixels), network.scores(pixels))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.fused().modules())


def test_the_light_model_has_at_most_12_million_parameters_and_any_bands() -> None:
    for bands in (1, 3, 8):
        network = Light(LightConfig(), 10, bands).eval()
        assert sum(parameter.numel() for parameter in network.parameters()) < 12_000_000
        assert network.scores(torch.rand(1, bands, 64, 32)).shape == (1, 10, 16, 8)


def test_a_student_starts_from_an_encoder_of_colours_and_more_bands_begin_without_weight() -> None:
    encoder, network = EfficientNetLite0(), Light(LightConfig(), 4, 5)
    network.start_from(encoder)
    pixels = torch.rand(1, 5, 64, 64)
    with torch.no_grad():
        ours, theirs = network.encoder.eval().pyramid(pixels), encoder.eval().pyramid(pixels[:, :3])
        assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(ours, theirs, strict=True))
    network.train()
    network.scores(pixels.repeat(2, 1, 1, 1)).sum().backward()
    assert network.encoder.stem[1].weight.grad[:, 3:].any()  # and they learn
