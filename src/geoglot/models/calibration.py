"""The calibration of a model with words that are seen from above and absurd ones, kept beside its card."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

from geoglot.errors import ModelError, OutputError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import CALIBRATION
from geoglot.models.model_files import read_tensors, require_finite
from geoglot.models.word_sense import WordSense, list_words

_CHECKED, _SAME = 8, 0.99  # words that are embedded again when a file is read, and the least cosine to what it holds


@torch.inference_mode()
def embed_plainly(model: VisionLanguageModel, words: Sequence[str]) -> Float[Tensor, "word dim"]:
    """Unit vectors of words in no template."""
    return F.normalize(model.encode_text(list(words)).float().cpu(), dim=1)


def calibrate(model: VisionLanguageModel, folder: Path) -> None:
    """Embed the words and keep them in the folder of the model. OutputError if it cannot be written."""
    tensors = {kind: embed_plainly(model, list_words(kind)).half() for kind in ("seen", "absurd")}
    draft = folder / f".{CALIBRATION}"
    try:
        draft.write_bytes(save(tensors))
        draft.replace(folder / CALIBRATION)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); choose a copy of the model") from error


def read_calibration(model: VisionLanguageModel, folder: Path) -> WordSense | None:
    """The calibration of a model; None if it has none. ModelError if it is damaged or another model's."""
    path = folder / CALIBRATION
    if not path.is_file():
        return None
    tensors = read_tensors(path)
    require_finite(tensors, str(path))
    again = f"{path} is not the calibration of {model.card.name}; make it again with: geoglot models calibrate {folder}"
    wanted = {kind: (len(list_words(kind)), model.card.dim) for kind in ("seen", "absurd")}
    if {kind: tuple(tensor.shape) for kind, tensor in tensors.items()} != wanted:
        raise ModelError(again)
    some = embed_plainly(model, list_words("seen")[:_CHECKED])
    if (some * tensors["seen"][:_CHECKED]).sum(1).min() < _SAME:
        raise ModelError(again)
    return WordSense(tensors["seen"], tensors["absurd"])
