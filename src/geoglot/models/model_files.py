"""The folder of a stored model: card.json, weights.safetensors, and tokenizer.json where it reads texts.

Nothing here unpickles.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from geoglot.errors import ModelError, OutputError
from geoglot.hashing import sha256_of
from geoglot.legible import reason_of
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import CARD, TOKENIZER, WEIGHTS, Card, card_text
from geoglot.models.file_checks import PLAIN_TYPES, count_numbers
from geoglot.models.lowered import EightBitLinear

#: Weights in a folder of transformers
HF_WEIGHTS = "model.safetensors"
#: Tensors of other layouts that here follow from the card
DERIVED = ("position_ids", "logit_scale")
WordModel = TypeVar("WordModel", bound=VisionLanguageModel)
_NAMED = 5  # tensors that a message names


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file by name; all floating types become float32."""
    if not path.exists():
        raise ModelError(f"{path} is missing; copy it there, or pull, convert, train or teach the model again")
    count_numbers(path, PLAIN_TYPES)
    try:
        return {name: widen(tensor) for name, tensor in load_file(path).items()}
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError, MemoryError) as error:
        why = reason_of(error)
        raise ModelError(f"{path} is not a safetensors file ({why}); pull or convert it again") from None


def read_weights(folder: Path, sha256: str) -> dict[str, Tensor]:
    """Tensors of a stored model.

    Raises ModelError if the file does not match the hash in the card, or holds numbers that are not finite, which
    would give confident and meaningless answers.
    """
    path = folder / WEIGHTS
    if not (folder / CARD).is_file():
        path = folder / HF_WEIGHTS  # its card was just made, with the hash of this file
    elif path.is_file() and sha256_of(path) != sha256:
        raise ModelError(f"{path} does not match the sha256 in its card; pull, convert or train the model again")
    tensors = read_tensors(path)
    require_finite(tensors, str(path))
    return tensors


def require_finite(tensors: Mapping[str, Tensor], what: str) -> None:
    """Raise ModelError that names the first tensor with NaN or infinite numbers; `what` is the file or model."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            least, most = torch.aminmax(tensor)  # a single NaN makes both NaN
            if not (least.isfinite() and most.isfinite()):
                raise ModelError(
                    f"{what} has NaN or infinite numbers in {name}, which training in half precision may leave; "
                    "use an earlier checkpoint"
                )


def widen(tensor: Tensor) -> Tensor:
    """Any floating type as float32; integers unchanged."""
    return tensor.float() if tensor.is_floating_point() else tensor


def load_weights(model: WordModel, folder: Path) -> WordModel:
    """Load the weights of a model; ModelError if names or shapes do not fit its card."""
    tensors = read_weights(folder, model.card.sha256)
    weights = {name: tensor for name, tensor in tensors.items() if not name.endswith(DERIVED)}
    require_fit(model.state_dict(), weights, f"the weights of {model.card.name} do not fit its card")
    model.load_state_dict(weights, assign=True)
    return model


def require_fit(
    wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor], what: str, error: type[ModelError] = ModelError
) -> None:
    """Raise `error` with the names that are missing or unexpected, or that have another shape or type."""
    wrong = [f"missing {name}" for name in wanted if name not in weights]
    wrong += [f"unexpected {name[:100]}" for name in weights if name not in wanted]
    pairs = [(name, tensor, wanted[name]) for name, tensor in weights.items() if name in wanted]
    wrong += [
        f"{name} is {tuple(tensor.shape)} and should be {tuple(other.shape)}"
        for name, tensor, other in pairs
        if tensor.shape != other.shape
    ]
    wrong += [
        f"{name} is {tensor.dtype} and should be {other.dtype}".replace("torch.", "")
        for name, tensor, other in pairs
        if tensor.is_floating_point() != other.is_floating_point()
    ]
    if wrong:
        more = f"; and {len(wrong) - _NAMED:,} more" if len(wrong) > _NAMED else ""
        raise error(f"{what}: {'; '.join(wrong[:_NAMED])}{more}")


def sha256_of_weights(module: nn.Module) -> str:
    """Hexadecimal sha256 of all tensors of a module and their names."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def save_model(model: VisionLanguageModel, folder: Path) -> Card:
    """Store a float32 model as a new folder, as `write_model`."""
    tensors = model.state_dict()
    half = any(tensor.is_floating_point() and tensor.itemsize < 4 for tensor in tensors.values())
    if half or any(isinstance(module, EightBitLinear) for module in model.modules()):
        raise ModelError("a model in fewer bits has lost digits of its weights; load it in float32 before storing it")
    return write_model(folder, model.card, tensors, model.tokenizer.to_str(pretty=True))


def write_model(folder: Path, card: Card, tensors: Mapping[str, Tensor], tokenizer: str | None) -> Card:
    """Write a model folder, whole or not at all. Returns the card with the hash of the weights."""
    with whole_folder(folder) as draft:
        return fill_model(draft, card, tensors, tokenizer)


def fill_model(draft: Path, card: Card, tensors: Mapping[str, Tensor], tokenizer: str | None) -> Card:
    """Write the files of a model into the draft of its folder. Returns the card with the hash of the weights."""
    require_finite(tensors, card.name)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, draft / WEIGHTS)
    card = replace(card, sha256=sha256_of(draft / WEIGHTS))
    (draft / CARD).write_text(card_text(card), encoding="utf-8")
    if tokenizer is not None:
        (draft / TOKENIZER).write_text(tokenizer, encoding="utf-8")
    return card


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A draft that becomes a new folder if the block ends well, and vanishes if it does not."""
    if folder.exists():
        raise OutputError(f"{folder} exists already; remove it or give another name")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(folder)
    except (OSError, SafetensorError) as error:  # safetensors has its own error for a full disk
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise OutputError(f"{folder} cannot be written ({why}); free some space or choose another folder") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
