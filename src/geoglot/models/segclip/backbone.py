"""Features at strides 4, 8, 16 and 32: a ResNet, mini's trunk, or a satellite ViT through a simple feature pyramid.

transformers is imported only where a backbone is built: the import takes seconds, and a recipe is checked before it.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.errors import ModelError
from geoglot.models.mini.efficientnet import PYRAMID, EfficientNetLite0
from geoglot.models.vit import block, embed_pixels

Features = list[Float[Tensor, "image _ _ _"]]
STAGES = ["stage1", "stage2", "stage3", "stage4"]
KINDS = ("resnet", "vit", "lite0")


class ResNet(nn.Module):
    """The four stages of transformers' ResNet."""

    def __init__(self, config: dict[str, Any]) -> None:
        from transformers import ResNetBackbone, ResNetConfig

        super().__init__()
        self.body = ResNetBackbone(ResNetConfig(**{**config, "out_features": STAGES}))
        self.channels: tuple[int, ...] = tuple(self.body.channels)

    def forward(self, pixels: Float[Tensor, "image 3 rows cols"]) -> Features:
        return list(self.body(pixels).feature_maps)


class Lite(nn.Module):
    """EfficientNet-Lite0, the trunk of mini: a seventh of a ResNet-50's parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.body = EfficientNetLite0()
        self.channels: tuple[int, ...] = PYRAMID

    def forward(self, pixels: Float[Tensor, "image 3 rows cols"]) -> Features:
        return list(self.body.pyramid(pixels.contiguous(memory_format=torch.channels_last)))


class ViTPyramid(nn.Module):
    """A plain ViT whose last feature map is scaled up and down (ViTDet: Li et al., ECCV 2022, section 3)."""

    def __init__(self, config: dict[str, Any]) -> None:
        from transformers import CLIPVisionConfig, CLIPVisionModel

        super().__init__()
        vision = CLIPVisionConfig(**config)
        if vision.patch_size != 16:
            raise ModelError(
                f"a feature pyramid needs a tower with patches of 16 px, got {vision.patch_size}; take another tower"
            )
        width = vision.hidden_size
        tower = CLIPVisionModel(vision)
        self.body = getattr(tower, "vision_model", tower)  # transformers before 5 wraps it
        self.finest = nn.Sequential(_double(width), nn.GroupNorm(1, width), nn.GELU(), _double(width))
        self.fine = _double(width)
        self.channels = (width,) * 4

    def forward(self, pixels: Float[Tensor, "image 3 rows cols"]) -> Features:
        """Fine to coarse; sides of `pixels` are multiples of 32."""
        tokens = embed_pixels(self.body, pixels)
        for layer in self.body.encoder.layers:
            tokens = block(layer, tokens)
        rows, cols = (side // 16 for side in pixels.shape[-2:])
        plain = self.body.post_layernorm(tokens[:, 1:]).mT.unflatten(2, (rows, cols))
        return [self.finest(plain), self.fine(plain), plain, nn.functional.max_pool2d(plain, 2)]


def _double(width: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(width, width, 2, 2)


Backbone = ResNet | Lite | ViTPyramid


def build_backbone(config: dict[str, Any]) -> Backbone:
    """A backbone with random weights."""
    fields = dict(config)
    kind = fields.pop("kind", "resnet")
    if kind not in KINDS:
        raise ModelError(f"the kind of a backbone must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "lite0":
        return Lite()
    return ResNet(fields) if kind == "resnet" else ViTPyramid(fields)


def check_backbone(config: dict[str, Any]) -> None:
    """Raise ModelError for unknown keys, which transformers would accept and never read, and for a ResNet without
    four stages."""
    from transformers import CLIPVisionConfig, ResNetConfig

    kind = config.get("kind", "resnet")
    known = {} if kind == "lite0" else (CLIPVisionConfig() if kind == "vit" else ResNetConfig()).to_dict()
    if unknown := sorted(set(config) - set(known) - {"kind"}):
        raise ModelError(f"backbone: there is no key {unknown[0]!r}; known are {', '.join(sorted({'kind', *known}))}")
    for key in ("hidden_sizes", "depths"):
        if kind == "resnet" and len(config.get(key, STAGES)) != len(STAGES):
            raise ModelError(f"backbone: {key} has {len(STAGES)} numbers, one for each stage, got {config[key]}")


def start_from(backbone: Backbone, tensors: dict[str, Tensor]) -> None:
    """Load the weights of a stored tower; ModelError if one is missing or has another shape.

    Names may have the prefixes of transformers' models (`resnet.`, `vision_model.`), of its Mask2Former and of mini.
    """
    wanted = backbone.body.state_dict()
    stored = {_bare(name): tensor for name, tensor in tensors.items()}
    missing = [
        name for name in wanted if name not in stored and not name.endswith(("num_batches_tracked", "position_ids"))
    ]
    if missing:
        lacks = f"they lack {missing[0]} and {len(missing) - 1} more"
        raise ModelError(
            f"these weights are not of a {type(backbone).__name__}: {lacks}; [model.backbone] must describe them "
            "(kind, sizes), and `geoglot help segclip` has a table"
        )
    try:
        backbone.body.load_state_dict({name: stored.get(name, wanted[name]) for name in wanted})
    except RuntimeError as error:
        raise ModelError(f"the weights do not fit the backbone: {error}") from error


def _bare(name: str) -> str:
    for prefix in ("model.pixel_level_module.encoder.", "resnet.", "vision_model.", "backbone.", "image.trunk."):
        name = name.removeprefix(prefix)
    return name
