"""Linear layers of a ViT on a processor in fewer bits: bfloat16 weights packed once, and products of 8 bits.

Both call operators of oneDNN inside torch, those that torch's compiler puts into the programs that it makes. They hold
packed weights, so a lowered model can be neither moved to another device nor trained nor stored.
"""

from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn

Tokens = Float[Tensor, "*batch token width"]
Outputs = Float[Tensor, "*batch token output"]
_MOST = 127  # of a number of 8 bits with a sign
_TOKEN_MOST = 126  # because bfloat16 rounds 127 times a number over itself to as much as 128, which would wrap to -128
_LEAST = 1e-6  # a token or a row of weights below it is as good as zero
_ZERO = 128  # what a number with a sign becomes one without by, as the operator wants it


class PackedLinear(nn.Module):
    """A linear layer in bfloat16 whose weights are laid out once, not in each call; its results are the same bits."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)

    def forward(self, tokens: Tokens) -> Outputs:
        found: Tensor = torch.ops.mkldnn._linear_pointwise(tokens, self._packed, self.bias, "none", [], "")
        return found


class EightBitLinear(nn.Module):
    """A linear layer whose products are of 8 bits, with one scale for each row of weights and one for each token.

    Scales of tokens are found in each call, so nothing is calibrated. The result has the type of the tokens.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scale = weight.abs().amax(1).clamp(min=_LEAST) / _MOST
        self.bias = linear.bias
        self.weight = nn.Parameter((weight / scale[:, None]).round().to(torch.int8), requires_grad=False)
        self._packed = torch.ops.onednn.qlinear_prepack(self.weight, None)
        self._scale, self._zero = scale / _TOKEN_MOST, torch.zeros(len(scale), dtype=torch.int64)

    def forward(self, tokens: Tokens) -> Outputs:
        size = tokens.abs().amax(-1, keepdim=True).clamp_(min=_LEAST)
        signed: Int8[Tensor, "*batch token width"] = (tokens * (_TOKEN_MOST / size)).round_().to(torch.int8)
        rows = signed.view(torch.uint8).add_(_ZERO).flatten(0, -2)
        product = torch.ops.onednn.qlinear_pointwise(
            rows, 1.0, _ZERO, self._packed, self._scale, self._zero, None, 1.0, 0, tokens.dtype, "none", [], ""
        )
        return torch.addcmul(self.bias, product.view(*tokens.shape[:-1], -1), size)


@cache
def computes(make: Callable[[nn.Linear], nn.Module]) -> bool:
    """Whether a kind of layer works in this build of torch, which may lack its operators: they are private."""
    linear = nn.Linear(32, 32, device="meta", dtype=torch.bfloat16).to_empty(device="cpu").requires_grad_(False)
    for parameter in linear.parameters():
        nn.init.ones_(parameter)
    tokens = torch.ones(1, 2, 32, dtype=torch.bfloat16)
    try:
        return torch.allclose(make(linear)(tokens), linear(tokens), rtol=0.02)
    except (RuntimeError, AttributeError, TypeError):
        return False


def replace_linears(module: nn.Module, make: Callable[[nn.Linear], nn.Module]) -> None:
    """Put what `make` makes of it in the place of each linear layer below a module."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, make(child))
        else:
            replace_linears(child, make)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products; emulated ones are slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def has_fast_int8(device: torch.device) -> bool:
    """Whether the device is a processor with instructions for products of 8 bits (VNNI)."""
    return device.type == "cpu" and torch.cpu._is_vnni_supported() and computes(EightBitLinear)
