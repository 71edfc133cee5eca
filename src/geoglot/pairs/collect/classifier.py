"""Judge photos as indoor by an image classifier with class names, as the paper does with a ResNet-18 of SUN397.

The classifier is a folder: of transformers (config.json with its classes, safetensors), or with model.onnx and
classes.txt, a name a line in the order of its scores. Which classes are indoor says a file of lines "NAME" or, as
Places365's IO_places365.txt, "NAME 1" for indoor and "NAME 2" for outdoor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from geoglot.errors import InputError, MissingExtraError, ModelError
from geoglot.hashing import sha256_of
from geoglot.legible import reason_of
from geoglot.models.foreign_folders import check_folder, foreign, require_bytes
from geoglot.models.huggingface import read_statistics
from geoglot.pairs.collect.collect_recipe import Judged
from geoglot.pairs.embed_photos import prepare_photo
from geoglot.tables import read_text

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_GRAPH, _CLASSES, _SIDE = "model.onnx", "classes.txt", 224
Pixels = Float[np.ndarray, "photo 3 side side"]
Logits = Callable[[Pixels], Float[np.ndarray, "photo class"]]


class PhotoClassifier:
    """An image classifier of which some classes are indoor; a `PhotoJudge`."""

    without: tuple[Judged, ...] = ("indoor",)

    def __init__(self, folder: Path, indoor: Path) -> None:
        self.folder = folder
        is_graph = (folder / _GRAPH).is_file()
        self._logits, names = _load_graph(folder) if is_graph else _load_transformers(folder)
        chosen = read_indoor(indoor)
        self._indoor = np.array([_plain(name) in chosen for name in names])
        if not self._indoor.any() or self._indoor.all():
            raise InputError(
                f"{indoor} must name some classes of {folder} and not all, and names {self._indoor.sum()} of "
                f"{len(names)}; its classes are called {', '.join(names[:3])}"
            )
        weights = [folder / _GRAPH] if is_graph else sorted(folder.glob("*.safetensors"))
        statistics = read_statistics(folder, _IMAGENET)
        rows = np.flatnonzero(self._indoor).tolist()  # the names may change while the weights stay
        self.identity = f"{[sha256_of(path) for path in weights]} {rows} {statistics}"
        self._mean, self._std = (np.array(each, np.float32)[:, None, None] for each in statistics.__dict__.values())

    def probabilities(self, pictures: Mapping[str, bytes]) -> Float[np.ndarray, "photo 1"]:
        """Probability that each photo is indoor: the sum of the softmax over its indoor classes."""
        pixels = np.stack([prepare_photo(name, image, _SIDE) for name, image in pictures.items()])
        logits = self._logits((pixels - self._mean) / self._std)
        if logits.shape != (len(pixels), len(self._indoor)):
            raise ModelError(
                f"{self.folder} gives {logits.shape[-1]} scores for a photo and names {len(self._indoor)} classes"
            )
        shares = torch.from_numpy(logits).float().softmax(1).numpy()
        indoor: np.ndarray = shares[:, self._indoor].sum(1, keepdims=True)
        return indoor


def read_indoor(path: Path) -> frozenset[str]:
    """The classes that a file calls indoor, in plain spelling; InputError for a line that says neither 1 nor 2."""
    chosen = set()
    for line in filter(None, map(str.strip, read_text(path).body.splitlines())):
        name, _, mark = line.rpartition(" ")
        if not mark.isdecimal():
            name, mark = line, "1"
        if mark not in ("1", "2"):
            raise InputError(f"{path}: a class ends with 1 for indoor or 2 for outdoor, got {line[:80]!r}")
        if mark == "1":
            chosen.add(_plain(name))
    return frozenset(chosen)


def _plain(name: str) -> str:
    """A class name without the spelling of its data set: "/l/living_room" is "living room"."""
    last = name.strip().lower().replace("_", " ").strip("/")
    return last[2:] if last[1:2] == "/" else last


def _load_transformers(folder: Path) -> tuple[Logits, list[str]]:
    import transformers

    what, held = f"the classifier {folder} cannot be loaded", check_folder(folder)
    place: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with foreign(what):
        config = transformers.AutoConfig.from_pretrained(folder, **place)
    build: Any = transformers.AutoModelForImageClassification
    require_bytes(lambda: build.from_config(config), held, what)
    with foreign(what):
        model = build.from_pretrained(folder, use_safetensors=True, **place).eval().requires_grad_(False)
        names = [config.id2label[index] for index in range(config.num_labels)]

    def logits(pixels: Pixels) -> np.ndarray:
        scores: np.ndarray = model(torch.from_numpy(pixels)).logits.numpy()
        return scores

    return logits, names


def _load_graph(folder: Path) -> tuple[Logits, list[str]]:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx") from error
    try:
        session = onnxruntime.InferenceSession(str(folder / _GRAPH), providers=["CPUExecutionProvider"])
        [given] = session.get_inputs()
    except Exception as error:  # noqa: BLE001 - onnxruntime's own errors have no base of theirs
        raise ModelError(f"{folder / _GRAPH} is no classifier of images ({reason_of(error)})") from None
    names = [line.strip() for line in read_text(folder / _CLASSES).body.splitlines() if line.strip()]

    def logits(pixels: Pixels) -> np.ndarray:
        scores: np.ndarray = session.run(None, {given.name: pixels.astype(np.float32)})[0]
        return scores

    return logits, names
