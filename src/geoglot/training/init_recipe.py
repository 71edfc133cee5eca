"""Write a recipe of `geoglot train segment` for the images of a folder and for this machine."""

import os
from pathlib import Path

import torch

from geoglot.datasets.intake.take_in import TakenIn
from geoglot.models.segmenter import MULTIPLE
from geoglot.recipe_text import toml_value

_SMALLEST_SIDE = 64  # pixels of a crop
_EPOCHS = 60  # so often each training pixel is seen, within the bounds of the steps
_FEWEST = 400  # steps: a network that starts from random weights needs as many for a few images
_EVALUATIONS = 10
_LAYERS = """backbone = {{ embedding_size = {0}, hidden_sizes = {1}, depths = [2, 2, 2, 2], layer_type = "basic" }}
queries = {2}
width = {3}
heads = {4}
feed_forward = {5}
layers = {6}
pixel_decoder = "fpn\""""
_ON_CPU = (32, "[32, 64, 128, 256]", 20, 128, 4, 256, 3)
_ON_GPU = (64, "[64, 128, 256, 512]", 50, 256, 8, 1024, 6)
_TEXT = """# geoglot train init wrote this recipe for {images} and {place}. Edit what you like.
#   geoglot train segment {recipe}
# After an interruption the same command resumes. Every key is explained in docs/segclip.md.

name = {name}
output = {output}
texts = "mini"                     # reads the class names; a CLIP is better: "clip-vit-b-16", once pulled

[data]
set = "folder"
folder = {folder}
{resolution}

[model]
{layers}

[crops]
batch = {batch}
side = {side}
workers = 1

[loss]
sampling = {{ points = 4096 }}

[fit]
steps = {steps}
rate = 1e-3
schedule = "poly"
weight_decay = 0.05
clip = 0.1
checkpoint_every = 100
evaluate_every = {every}
"""


def write_recipe(taken: TakenIn, recipe: Path, device: torch.device) -> str:
    """The text of a recipe in the file `recipe`, whose folder the paths in it start from."""
    on_cpu = device.type == "cpu"
    batch, largest, most = (4, 256, 2000) if on_cpu else (16, 512, 10_000)
    side = min(largest, max(_SMALLEST_SIDE, min(taken.sizes[0]) // MULTIPLE * MULTIPLE))
    steps = min(most, max(_FEWEST, round(_EPOCHS * taken.pixels / side**2 / batch, -2)))
    spread = f"resolution = {[float(f'{metres:.6g}') for metres in taken.resolution or ()]}"
    unknown = "# resolution = [0.3, 0.3]         # metres a pixel, if you know: the images do not say"
    return _TEXT.format(
        images=taken.folder.name, place=f"a {'CPU' if on_cpu else 'GPU'}", recipe=recipe.name,
        name=toml_value(taken.folder.name), output=toml_value(f"runs/{taken.folder.name}"),
        folder=toml_value(os.path.relpath(taken.data, recipe.parent.resolve())),
        resolution=f"{spread}         # metres a pixel, finest and coarsest" if taken.resolution else unknown,
        layers=_LAYERS.format(*(_ON_CPU if on_cpu else _ON_GPU)), batch=batch, side=side, steps=int(steps),
        every=max(1, int(steps) // _EVALUATIONS),
    )  # fmt: skip
