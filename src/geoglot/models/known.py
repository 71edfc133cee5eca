"""Published models by name: their addresses, and facts that their files do not state.

Activations follow the code that each author publishes for loading: in OpenCLIP `pretrained="openai"` means
quick_gelu; the same without `pretrained`, or from LAION's weights, means gelu.
"""

from dataclasses import dataclass
from typing import Literal

Activation = Literal["gelu", "quick_gelu"]
#: Which embeddings of a GRAFT were trained: of whole images, of patches, or of both
Level = Literal["image", "pixel", "both"]
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
    parameters: float
    """Millions of parameters, four bytes each when it is stored here."""
    good_for: str
    """What it is for, in a few words."""
    repo: str = ""
    """Repository on the Hugging Face hub; empty if a person must download the file from the page."""
    file: str = ""
    activation: Activation | None = None
    """None if the configuration beside the file states it."""
    text: str = ""
    """Name of the known model whose text tower it uses."""
    level: Level | None = None
    """Of a GRAFT."""


#: What a GRAFT is for, by its level
GOOD_FOR: dict[Level, str] = {
    "image": "labels and search of whole tiles",
    "pixel": "maps by words",
    "both": "maps by words, labels and search of whole tiles",
}
#: Millions of parameters of each size, both towers
_PARAMETERS = {"ViT-B/32": 151.3, "ViT-B/16": 149.6, "ViT-L/14": 427.6, "ViT-H/14": 986.1}


def _parameters(size: str) -> float:
    """Millions of parameters of a size, which authors write as "ViT-B-32" or as "ViT-B/32"."""
    return _PARAMETERS["/".join(size.rsplit("/" if "/" in size else "-", 1))]


def _openai(size: str, repo: str) -> Known:
    title, page = f"CLIP {size}, 400 M pairs from the web", f"https://huggingface.co/{repo}"
    good_for = "any word, but it learned from photos and not from above"
    return Known(title, "MIT", (0.1, 30.0), page, _parameters(size), good_for, repo, "pytorch_model.bin")


def _remoteclip(size: str) -> Known:
    page, repo = "https://github.com/ChenDelong1999/RemoteCLIP", "chendelong/RemoteCLIP"
    title = f"RemoteCLIP {size}, captions made from aerial data sets"
    good_for, file = "words for whole aerial images: classify, search", f"RemoteCLIP-{size}.pt"
    return Known(title, "Apache-2.0", (0.1, 30.0), page, _parameters(size), good_for, repo, file, activation="gelu")


def _georsclip(size: str, activation: Activation) -> Known:
    page, repo = "https://github.com/om-ai-lab/RS5M", "Zilun/GeoRSCLIP"
    title, file = f"GeoRSCLIP {size}, RS5M", f"ckpt/RS5M_{size}.pt"
    good_for = "words for aerial and satellite images: classify, search"
    return Known(title, "not stated", (0.1, 60.0), page, _parameters(size), good_for, repo, file, activation)


def _skyclip(size: str, activation: Activation) -> Known:
    title = f"SkyCLIP {size}, SkyScript (OpenStreetMap tags), better half"
    page = "https://github.com/wangzhecheng/SkyScript"
    good_for = "words of OpenStreetMap, seen from above: classify, search"
    return Known(title, "not stated", (0.1, 30.0), page, _parameters(size), good_for, activation=activation)


def _graft(imagery: str, level: Level, metres: float) -> Known:
    title, page = f"GRAFT on {imagery}, {level} level", "https://graft.cs.cornell.edu"
    good_for, parameters = f"{GOOD_FOR[level]} at {metres:g} m", _PARAMETERS["ViT-B/16"]
    return Known(
        title, "not stated", (metres, metres), page, parameters, good_for,
        activation="quick_gelu", text="clip-vit-b-16", level=level,
    )  # fmt: skip


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
