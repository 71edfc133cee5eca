"""The recipe of a segmenter so small that it trains in a second."""

from __future__ import annotations

from pathlib import Path

from labelled import write_folder

RECIPE = """
name = "tiny"
output = "{output}"
texts = "mini"
architecture = "{architecture}"
[data]
set = "folder"
folder = "set"
[model]
backbone = {{ embedding_size = 8, hidden_sizes = [8, 16, 24, 32], depths = [1, 1, 1, 1], layer_type = "basic" }}
queries = 12
width = 32
heads = 4
feed_forward = 64
layers = 3
encoder_layers = 1
encoder_feed_forward = 64
[upernet]
backbone = {{ embedding_size = 8, hidden_sizes = [8, 16, 24, 32], depths = [1, 1, 1, 1], layer_type = "basic" }}
width = 32
[crops]
batch = 2
side = 64
workers = 0
{crops}
[loss]
sampling = {{ points = 128 }}
[fit]
steps = 4
rate = 1e-3
schedule = "poly"
evaluate_every = 2
checkpoint_every = {every}
"""


def recipe(root: Path, output: str = "run", architecture: str = "segclip", crops: str = "", every: int = 2) -> Path:
    """A recipe of four steps beside a made-up set."""
    if not (root / "set").exists():
        write_folder(root / "set")
    path = root / f"{output}.toml"
    path.write_text(RECIPE.format(output=output, architecture=architecture, crops=crops, every=every))
    return path
