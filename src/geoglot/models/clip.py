"""CLIP of any ViT size, with the weight names of transformers; models derived from it inherit its encoders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

from geoglot.models.base import VisionLanguageModel, normalise, require_whole_patches
from geoglot.models.card import TOKENIZER, Card
from geoglot.models.lowered import EightBitLinear, PackedLinear, computes, has_fast_bfloat16, replace_linears
from geoglot.models.readout import READOUTS
from geoglot.models.sizes import ClipSizes, read_sizes
from geoglot.models.tokenizer import read_tokenizer, require_ends, require_vocabulary, tokens_of
from geoglot.models.vit import block, embed_pixels, read_text

#: Bounds the memory for ensembles of thousands of prompts
TEXTS_A_BATCH = 256
#: quick_gelu(x) = x * sigmoid(QUICK x)
QUICK = 1.702


class Clip(VisionLanguageModel):
    """A dual encoder with the weight names of transformers' CLIPModel."""

    def __init__(self, card: Card, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.card = card
        self.context = int(card.config["text_config"]["max_position_embeddings"])
        self.tokenizer = tokenizer
        self.tokenizer.enable_truncation(self.context)
        self.tokenizer.no_padding()
        body = _empty_body(card.config)
        self.vision_model, self.visual_projection = body.vision_model, body.visual_projection
        self.text_model, self.text_projection = body.text_model, body.text_projection
        self._read_patches = READOUTS[card.config["readout"]]

    def encode_text(self, texts: list[str]) -> Float[Tensor, "text dim"]:
        """Embed texts; a text longer than the context is cut, and keeps its end token."""
        batches = [texts[start : start + TEXTS_A_BATCH] for start in range(0, len(texts), TEXTS_A_BATCH)]
        return torch.cat([self._encode_texts(batch) for batch in batches])

    def encode_image(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile dim"]:
        """Embed tiles by the class token."""
        layer, tokens = self._last_block(pixels)
        return F.normalize(self._project(block(layer, tokens, queries=1)[:, 0]).float(), dim=-1)

    def encode_patches(
        self, pixels: Float[Tensor, "tile 3 rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """Embed patches by the read-out that the card names."""
        layer, tokens = self._last_block(pixels)
        return self._as_grid(self._read_patches(layer, tokens, self._project), pixels)

    def use_bfloat16(self) -> None:
        """Compute images in bfloat16; the text tower runs once for each question and stays float32."""
        self._fold_activations()
        self.vision_model.bfloat16()
        self.visual_projection.bfloat16()
        if self.device.type == "cpu" and has_fast_bfloat16(self.device) and computes(PackedLinear):
            replace_linears(self.vision_model.encoder, PackedLinear)

    def use_int8(self) -> None:
        """Compute linear layers of the image tower by products of 8 bits, and the rest in bfloat16 if it is fast."""
        self._fold_activations()
        replace_linears(self.vision_model.encoder, EightBitLinear)
        if has_fast_bfloat16(self.device):
            self.use_bfloat16()

    def _fold_activations(self) -> None:
        if self.card.config["vision_config"]["hidden_act"] == "quick_gelu":
            for layer in self.vision_model.encoder.layers:
                fold_quick_gelu(layer.mlp)

    def _last_block(self, pixels: Tensor) -> tuple[Any, Tensor]:
        """The last block of the image tower and the tokens that enter it."""
        require_whole_patches(pixels, self.card.patch_size)
        weight = self.visual_projection.weight
        ready = normalise(pixels.to(weight.device), *self._statistics()).to(weight.dtype)
        tokens = embed_pixels(self.vision_model, ready)
        *layers, last = self.vision_model.encoder.layers
        for layer in layers:
            tokens = self._block(layer, tokens)
        return last, tokens

    def _statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each band."""
        return self.card.mean, self.card.std

    def _block(self, layer: Any, tokens: Tensor) -> Tensor:
        return block(layer, tokens)

    def _project(self, tokens: Tensor) -> Tensor:
        projected: Tensor = self.visual_projection(self.vision_model.post_layernorm(tokens))
        return projected

    def _as_grid(self, embeddings: Tensor, pixels: Tensor) -> Tensor:
        rows = pixels.shape[-2] // self.card.patch_size
        return embeddings.mT.reshape(embeddings.shape[0], self.card.dim, rows, -1)

    def _encode_texts(self, texts: list[str]) -> Tensor:
        encoded = [torch.tensor(ids) for ids in tokens_of(self.tokenizer, texts)]
        device = self.text_projection.weight.device
        ids = torch.nn.utils.rnn.pad_sequence(encoded, batch_first=True).to(device)
        last = torch.tensor([len(tokens) - 1 for tokens in encoded], device=device)
        return F.normalize(self.text_projection(read_text(self.text_model, ids, last)), dim=-1)


def fold_quick_gelu(mlp: Any) -> None:
    """Replace x * sigmoid(1.702 x), three passes over memory, by one SiLU with the factor inside the weights.

    With y = 1.702 x, quick_gelu(x) = silu(y) / 1.702: exact except for rounding. An MLP without it stays as it is.
    """
    if isinstance(mlp.activation_fn, nn.SiLU):
        return
    with torch.no_grad():
        mlp.fc1.weight.mul_(QUICK)
        mlp.fc1.bias.mul_(QUICK)
        mlp.fc2.weight.div_(QUICK)
    mlp.activation_fn = nn.SiLU(inplace=True)  # no gradient goes through a lowered model


def read_clip_tokenizer(card: Card, folder: Path) -> Tokenizer:
    """The tokenizer of a CLIP; ModelError if it does not belong to its text tower."""
    tokenizer = read_tokenizer(folder / TOKENIZER)
    text = read_sizes(card, ClipSizes).text_config
    require_vocabulary(tokenizer, text.vocab_size, card.name)
    require_ends(tokenizer, card.name, text.vocab_size - 1 if text.eos_token_id is None else text.eos_token_id)
    return tokenizer


def _empty_body(config: Mapping[str, Any]) -> CLIPModel:
    """The four parts of a CLIP on the meta device: they use no memory until weights are assigned."""
    sizes = {name: config[name] for name in ("text_config", "vision_config", "projection_dim")}
    last = sizes["text_config"]["vocab_size"] - 1  # transformers' default start and end tokens fit one vocabulary only
    sizes["text_config"] = sizes["text_config"] | {"bos_token_id": max(last - 1, 0), "eos_token_id": last}
    with torch.device("meta"):
        body = CLIPModel(CLIPConfig(**sizes))
    for tower in (body.vision_model, body.text_model):
        del tower.embeddings.position_ids  # counted on the fly instead: no file fills this buffer
    return body
