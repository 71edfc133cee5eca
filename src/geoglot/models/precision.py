"""The precision in which images are computed, and how half precision is made fast on a CPU."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

Precision = Literal["auto", "float32", "bfloat16"]

#: quick_gelu(x) = x * sigmoid(QUICK x)
QUICK = 1.702


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products; emulated ones are slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def wants_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether to use bfloat16; `auto` uses it where it is fast."""
    return precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(device))


def fold_quick_gelu(mlp: Any) -> None:
    """Replace x * sigmoid(1.702 x), three passes over memory, by one SiLU with the factor inside the weights.

    With y = 1.702 x, quick_gelu(x) = silu(y) / 1.702: exact except for rounding.
    """
    with torch.no_grad():
        mlp.fc1.weight.mul_(QUICK)
        mlp.fc1.bias.mul_(QUICK)
        mlp.fc2.weight.div_(QUICK)
    mlp.activation_fn = nn.SiLU(inplace=True)  # no gradient goes through a lowered model
