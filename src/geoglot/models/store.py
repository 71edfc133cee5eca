"""The folder of a stored model: card.json, weights.safetensors, and tokenizer.json where it reads texts.

Nothing here unpickles.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from geoglot.errors import ModelError, OutputError
from geoglot.models.base import Card, VisionLanguageModel

CARD, WEIGHTS, TOKENIZER = "card.json", "weights.safetensors", "tokenizer.json"
#: What transformers calls the weights in a folder of its own
HF_WEIGHTS = "model.safetensors"
#: Names of tensors that other layouts keep, and that a card or the sizes give here
DERIVED = ("position_ids", "logit_scale")


def read_card(folder: Path) -> Card:
    """The card of a stored model."""
    path = folder / CARD
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        for name in ("resolution", "mean", "std"):
            fields[name] = tuple(fields[name])
        fields["languages"] = tuple(fields.get("languages", ()))
        return Card(**fields)
    except FileNotFoundError:
        if (folder / "model" / CARD).is_file():
            raise ModelError(f"{folder} is a training run; its model is {folder / 'model'}") from None
        raise ModelError(
            f"{folder} holds no {CARD}; what geoglot trained has it in RUN/model when training ends, and "
            "other weights get it by: geoglot models convert"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not a model card ({error}); convert or pull the model again") from None


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a stored model."""
    path = folder / TOKENIZER
    if not path.is_file():
        raise ModelError(f"{folder} holds no {TOKENIZER}; copy the one of the model's text tower there")
    return Tokenizer.from_file(str(path))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file by name, those of half precision widened to float32."""
    try:
        return {name: widened(tensor) for name, tensor in load_file(path).items()}
    except FileNotFoundError:
        raise ModelError(f"{path} is missing; pull or convert the model again") from None
    except SafetensorError as error:
        raise ModelError(f"{path} is not a safetensors file ({error}); pull or convert it again") from None


def read_weights(folder: Path, sha256: str) -> dict[str, Tensor]:
    """Tensors of a stored model, once their file is proved to be the one that the card was written for."""
    path = folder / (WEIGHTS if (folder / CARD).is_file() else HF_WEIGHTS)
    if path.is_file() and sha256_of(path) != sha256:
        raise ModelError(f"{path} does not match the sha256 in its card; pull, convert or train the model again")
    return read_tensors(path)


def widened(tensor: Tensor) -> Tensor:
    """Float32 in place of any other floating type; integers as they are."""
    return tensor.float() if tensor.is_floating_point() else tensor


def load_weights(model: VisionLanguageModel, folder: Path) -> None:
    """Fill a model that was built empty; names and shapes must be those that its card asks for."""
    tensors = read_weights(folder, model.card.sha256)
    wanted = {name: tensor for name, tensor in tensors.items() if not name.endswith(DERIVED)}
    try:
        model.load_state_dict(wanted, assign=True)
    except RuntimeError as error:
        raise ModelError(f"the weights of {model.card.name} do not fit its card: {error}") from None


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_weights(module: nn.Module) -> str:
    """Hexadecimal sha256 of all tensors of a module and their names, wherever they came from."""
    found = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        found.update(name.encode())
        found.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def save_model(model: VisionLanguageModel, folder: Path) -> Card:
    """Store a model of float32 weights as a new folder; see write_model."""
    tensors = model.state_dict()
    if any(tensor.is_floating_point() and tensor.itemsize < 4 for tensor in tensors.values()):
        raise ModelError("a model in half precision has lost what it would store; load it in float32 first")
    return write_model(folder, model.card, tensors, model.tokenizer.to_str(pretty=True))


def write_model(folder: Path, card: Card, tensors: Mapping[str, Tensor], tokenizer: str | None) -> Card:
    """Write a stored model, whole or not at all, and return its card with the hash filled in."""
    if folder.exists():
        raise OutputError(f"{folder} exists already; remove it or give another name")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, draft / WEIGHTS)
        card = replace(card, sha256=sha256_of(draft / WEIGHTS))
        (draft / CARD).write_text(json.dumps(asdict(card), indent=2) + "\n", encoding="utf-8")
        if tokenizer is not None:
            (draft / TOKENIZER).write_text(tokenizer, encoding="utf-8")
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return card
