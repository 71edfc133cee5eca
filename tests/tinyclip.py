"""A CLIP small enough for a test, and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import RobertaProcessing
from transformers import CLIPConfig, CLIPModel

from geoglot.models.convert import Conversion, convert

TOWER: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "projection_dim": 32,
}


def make_tokenizer() -> Tokenizer:
    """CLIP's byte-level BPE without merges: every letter a token, between a start and an end."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(BPE(vocabulary, [], unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    start, end = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    tokenizer.post_processor = RobertaProcessing(("<|endoftext|>", end), ("<|startoftext|>", start))
    return tokenizer


def build_body(activation: str = "quick_gelu") -> CLIPModel:
    """A random CLIPModel, its weights spread so far that attention is not uniform."""
    end = make_tokenizer().token_to_id("<|endoftext|>")
    text = {
        "vocab_size": end + 1,
        "max_position_embeddings": 77,
        "eos_token_id": end,
        "bos_token_id": end - 1,
    }
    config = CLIPConfig(
        text_config=TOWER | text | {"pad_token_id": 0, "hidden_act": activation},
        vision_config=TOWER | {"patch_size": 16, "image_size": 64, "hidden_act": activation},
        projection_dim=32,
    )
    torch.manual_seed(7)
    body = CLIPModel(config).eval()
    for parameter in body.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.1)
        else:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return body


def store_clip(folder: Path) -> Path:
    """The tiny CLIP as a geoglot model folder."""
    source = folder.with_name(f"{folder.name}-transformers")
    build_body().save_pretrained(source)
    make_tokenizer().save(str(source / "tokenizer.json"))
    convert(source, folder, Conversion("tiny", licence="CC0"))
    return folder
