"""Published models by name: their addresses, and facts that their files do not state.

Activations follow the code that each author publishes for loading: in OpenCLIP `pretrained="openai"` means
quick_gelu; the same without `pretrained`, or from LAION's weights, means gelu.
"""

from dataclasses import dataclass
from typing import Literal

Activation = Literal["gelu", "quick_gelu"]
#: All OpenCLIP checkpoints share its tokenizer, and GRAFT was trained against its text tower
CLIP_B16 = "openai/clip-vit-base-patch16"


@dataclass(frozen=True)
class Known:
    """One published model."""

    title: str
    licence: str
    """As the authors state it, or "not stated"."""
    resolution: tuple[float, float]
    """Metres a pixel, (finest, coarsest), of the training data."""
    page: str
    """Web page about the model."""
    repo: str = ""
    """Repository on the Hugging Face hub; empty if a person must download the file from the page."""
    file: str = ""
    activation: Activation | None = None
    """None if the configuration beside the file states it."""
    text: str = ""
    """Name of the known model whose text tower it uses."""


def _openai(size: str, repo: str) -> Known:
    title, page = f"CLIP {size}, 400 M pairs from the web", f"https://huggingface.co/{repo}"
    return Known(title, "MIT", (0.1, 30.0), page, repo, "pytorch_model.bin")


def _remoteclip(size: str) -> Known:
    page, repo = "https://github.com/ChenDelong1999/RemoteCLIP", "chendelong/RemoteCLIP"
    title = f"RemoteCLIP {size}, captions made from aerial data sets"
    return Known(title, "Apache-2.0", (0.1, 30.0), page, repo, f"RemoteCLIP-{size}.pt", activation="gelu")


def _georsclip(size: str, activation: Activation) -> Known:
    page, repo = "https://github.com/om-ai-lab/RS5M", "Zilun/GeoRSCLIP"
    return Known(f"GeoRSCLIP {size}, RS5M", "not stated", (0.1, 60.0), page, repo, f"ckpt/RS5M_{size}.pt", activation)


def _skyclip(size: str, activation: Activation) -> Known:
    title = f"SkyCLIP {size}, SkyScript (OpenStreetMap tags), better half"
    return Known(title, "not stated", (0.1, 30.0), "https://github.com/wangzhecheng/SkyScript", activation=activation)


def _graft(imagery: str, level: str, metres: float) -> Known:
    title, page = f"GRAFT on {imagery}, {level} level", "https://graft.cs.cornell.edu"
    return Known(title, "not stated", (metres, metres), page, activation="quick_gelu", text="clip-vit-b-16")


KNOWN: dict[str, Known] = {
    "clip-vit-b-32": _openai("ViT-B/32", "openai/clip-vit-base-patch32"),
    "clip-vit-b-16": _openai("ViT-B/16", CLIP_B16),
    "clip-vit-l-14": _openai("ViT-L/14", "openai/clip-vit-large-patch14"),
    "remoteclip-vit-b-32": _remoteclip("ViT-B-32"),
    "remoteclip-vit-l-14": _remoteclip("ViT-L-14"),
    "georsclip-vit-b-32": _georsclip("ViT-B-32", "quick_gelu"),
    "georsclip-vit-l-14": _georsclip("ViT-L-14", "quick_gelu"),
    "georsclip-vit-h-14": _georsclip("ViT-H-14", "gelu"),
    "skyclip-vit-b-32": _skyclip("ViT-B-32", "gelu"),
    "skyclip-vit-l-14": _skyclip("ViT-L-14", "quick_gelu"),
    "graft-naip-image": _graft("NAIP", "image", 1.0),
    "graft-naip-pixel": _graft("NAIP", "pixel", 1.0),
    "graft-sentinel2-image": _graft("Sentinel-2", "image", 10.0),
    "graft-sentinel2-pixel": _graft("Sentinel-2", "pixel", 10.0),
}
