"""How fast a model is on this machine."""

import time

import torch

from geoglot.aliases import PathLike
from geoglot.models.zoo import Model, load_model
from geoglot.scene.dense import dense_of

_BATCH = 4  # windows that are computed together; the default batch of 8 is hardly faster
_LEAST_S = 1.0


def measure_speed(model: Model | PathLike, *, device: str | None = None) -> float:
    """Megapixels a second that a model reads as windows of the size that it was trained on.

    A scene takes longer by the overlap of its windows. Takes a second after the model is loaded.
    """
    seer = load_model(model, device=device)
    dense, place = dense_of(seer), next(seer.parameters()).device
    side = dense.card.tile_size
    pixels = torch.rand(_BATCH, dense.card.bands, side, side, generator=torch.Generator().manual_seed(0)).to(place)
    done = 0
    with torch.inference_mode():
        dense(pixels).cpu()  # the first call allocates
        began = time.perf_counter()
        while (elapsed := time.perf_counter() - began) < _LEAST_S or not done:
            dense(pixels).cpu()
            done += 1
    return done * _BATCH * side**2 / elapsed / 1e6
