"""Settings of SegCLIP, with defaults where the paper states no value.

The paper's hyper-parameters are in pictures that could not be read. Where a choice is Mask2Former's (Cheng et al., CVPR
2022), OneFormer's (Jain et al., CVPR 2023) or MP-Former's (Zhang et al., CVPR 2023), its docstring says so.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from geoglot.aliases import Amount, Count, Part, Weight
from geoglot.errors import InputError


@dataclass(frozen=True)
class Prompts:
    """TMP, the text mapping prompt: decoder queries from class texts."""

    on: bool = True
    template: str = "a photo with a {}"
    """The paper's; "a" stays before vowels and plurals."""
    padding: Literal["none", "blank"] = "none"
    """none: one query for each class, all others learned. blank: `context` learned queries, all others from texts,
    padded with one blank text, as the paper hints."""
    blank: str = "a semantic photo"
    """OneFormer's blank text."""
    context: Amount = 16
    """Number of learned queries if texts are padded (OneFormer)."""
    background: Literal["text", "learned"] = "text"
    """Query of a class called background: its text, which means nothing to CLIP, or a learned vector."""


@dataclass(frozen=True)
class Fusion:
    """CFF, cross-modal feature fusion: queries attend to each other, then to coarse image features."""

    on: bool = True
    layers: Count = 1
    source: Literal["backbone", "decoder"] = "backbone"
    """Features of stride 32 before the pixel decoder, or after it."""


@dataclass(frozen=True)
class Guidance:
    """GTG, ground-truth guidance, in training only: extra queries from texts and masks of the classes in an image."""

    on: bool = True
    layers: Literal["all", "first"] = "all"
    """Decoder layers in which a guided query attends to its ground-truth mask: all, or the first three (both are
    MP-Former's)."""
    apart: bool = False
    """Guided queries do not attend to text queries either; text queries never attend to guided ones."""
    groups: Count = 1
    """Copies of the guided queries, each with its own noise."""
    label_noise: Part = 0.0
    """Share of guided queries that get another class's text (MP-Former's own runs: 0.2)."""
    point_noise: Part = 0.0
    """Share of pixels of a guided query's mask that are flipped (MP-Former: 0.2 by default, 0 in its best run)."""
    weight: Weight = 1.0
    """Weight of the guided loss; the loss of the text queries has 1."""


@dataclass(frozen=True)
class SegClipConfig:
    """A SegCLIP; with prompts, fusion and guidance off it is Mask2Former."""

    classes: tuple[str, ...] = ()
    """Names, in the order of their ids."""
    backbone: dict[str, Any] = field(default_factory=dict)
    """{"kind": "resnet", ...} with the fields of transformers' ResNetConfig (none: ResNet-50), {"kind": "vit", ...}
    with those of its CLIPVisionConfig, or {"kind": "lite0"}, the EfficientNet-Lite0 of mini."""
    text_dim: Count = 512
    """Length of the text embeddings: 512 for CLIP ViT-B."""
    prompts: Prompts = field(default_factory=Prompts)
    fusion: Fusion = field(default_factory=Fusion)
    guidance: Guidance = field(default_factory=Guidance)
    pixel_decoder: Literal["deformable", "fpn"] = "deformable"
    class_head: Literal["linear", "cosine"] = "linear"
    """A weight vector for each class, or the cosine with its mapped text, which allows new classes at inference."""
    queries: Count = 100
    width: Count = 256
    heads: Count = 8
    feed_forward: Count = 2048
    layers: Count = 9
    """Decoder layers: three rounds over strides 32, 16, 8."""
    encoder_layers: Count = 6
    encoder_feed_forward: Count = 1024

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InputError(
                f"width must be a multiple of heads, got model.width {self.width} and model.heads {self.heads}"
            )
        if "{}" not in self.prompts.template:
            raise InputError(
                f"prompts.template must have {{}} in the place of the class, got {self.prompts.template!r}"
            )

    @property
    def needs_texts(self) -> bool:
        """Whether any part reads class texts."""
        return self.prompts.on or self.guidance.on or self.class_head == "cosine"
