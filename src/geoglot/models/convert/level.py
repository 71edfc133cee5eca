"""Tell which heads of a GRAFT checkpoint were trained, by what differs from the CLIP that it began from.

The satellite tower starts as a copy of the ground CLIP. Image-level training moves the projection of the class token;
pixel-level training moves the head of the patches alone, which begins as post_layernorm and visual_projection.
"""

from collections.abc import Mapping

from torch import Tensor

from geoglot.models.known import Level

#: Relative difference below which weights are the same: half precision rounds by 5e-4 at most, training moves more
_SAME = 1e-3
#: Heads for whole images and for patches, and what each begins as
_IMAGE_HEAD = {
    name: name
    for name in ("visual_projection.weight", "vision_model.post_layernorm.weight", "vision_model.post_layernorm.bias")
}
_PATCH_HEAD = {
    "projector.1.weight": "visual_projection.weight",
    "projector.0.weight": "vision_model.post_layernorm.weight",
    "projector.0.bias": "vision_model.post_layernorm.bias",
}


def tell_level(tensors: Mapping[str, Tensor], start: Mapping[str, Tensor]) -> Level | None:
    """The level of a GRAFT from its weights and those of the CLIP that it began from; None if they do not tell.

    A head that equals the CLIP's was not trained, and neither was a LayerNorm as torch initialises it.
    """
    pairs = [(tensors.get(name), start.get(begun)) for name, begun in (_IMAGE_HEAD | _PATCH_HEAD).items()]
    if any(one is None or other is None or one.shape != other.shape for one, other in pairs):
        return None
    image, patches = (
        any(_differs(tensors[name], start[begun]) for name, begun in head.items())
        for head in (_IMAGE_HEAD, _PATCH_HEAD)
    )
    fresh = (tensors["projector.0.weight"] == 1).all() and (tensors["projector.0.bias"] == 0).all()
    patches = patches and not fresh
    if image and patches:
        return "both"
    return "image" if image else "pixel" if patches else None


def _differs(one: Tensor, other: Tensor) -> bool:
    one, other = one.float(), other.float()
    return bool((one - other).norm() > _SAME * other.norm())
