"""Activation checkpointing (Chen et al., 2016): blocks keep their inputs alone, and run again for the gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from geoglot.models.mini.efficientnet import Block
from geoglot.models.segclip.decoder import DecoderLayer

#: Classes of transformers whose modules are blocks; they are named, because importing them takes seconds
_THEIRS = frozenset(
    {"ResNetBottleNeckLayer", "ResNetBasicLayer", "CLIPMLP", "Mask2FormerPixelDecoderEncoderLayer", "UperNetConvModule"}
)


@contextmanager
def recomputed(network: nn.Module, on: bool = True) -> Iterator[None]:
    """In this block, forward and backward passes of a network keep few activations; the gradients stay as they are."""
    with ExitStack() as stack:
        for module in network.modules() if on else ():
            if isinstance(module, Block | DecoderLayer) or type(module).__name__ in _THEIRS:
                stack.enter_context(_recomputed_block(module))
        yield


@contextmanager
def _recomputed_block(block: nn.Module) -> Iterator[None]:
    plain: Callable[..., Any] = block.forward

    def forward(*inputs: Any, **named: Any) -> Any:
        return checkpoint(
            plain, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _kept_statistics(block)), **named
        )

    block.forward = forward
    try:
        yield
    finally:
        del block.forward


@contextmanager
def _kept_statistics(block: nn.Module) -> Iterator[None]:
    """Batch norms see the same crops a second time, and must not move their running statistics again."""
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d) and module.training]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
