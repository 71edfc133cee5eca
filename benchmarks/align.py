"""Cost of GRAFT training beside the satellite tower: the loss, the loader, and the memory of the loss.

    python benchmarks/align.py [--repeats 5]

A step has 32 tiles of 224 px with 25 photos each, through ViT-B/16 with random weights. Bars: the losses take at most
5 % of the tower's forward and backward pass; the loader is 10 times as fast as the tower; the loss of 4,096 tiles x 25
photos x 512 numbers needs less than 1 GB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPConfig, CLIPModel

from geoglot.models.graft import Graft, start_graft
from geoglot.models.zoo import load_word_model
from geoglot.pairs.pair_store import PairSet
from geoglot.training.align_objective import AlignSettings, SatelliteModel, anchors_of, gather_photos
from geoglot.training.losses import Photos, image_level_loss, pixel_level_loss
from geoglot.training.pair_batches import PairBatch, PairLoader, PairSampling

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from pairsets import make_batch
from tinyclip import make_tokenizer

TILES, PHOTOS, DIM = 32, 25, 512


def make_tower(folder: Path) -> Graft:
    """A card of GRAFT's size, for random weights."""
    torch.manual_seed(0)
    config = CLIPConfig(
        vision_config={"patch_size": 16, "image_size": 224, "hidden_size": 768, "intermediate_size": 3072,
                       "num_hidden_layers": 12, "num_attention_heads": 12, "projection_dim": DIM},
        text_config={"vocab_size": 514, "num_hidden_layers": 1, "projection_dim": DIM}, projection_dim=DIM,
    )  # fmt: skip
    CLIPModel(config).save_pretrained(folder)
    make_tokenizer().save(str(folder / "tokenizer.json"))
    ground = load_word_model(folder)
    tower = start_graft(ground, "graft", 1.0, 224)  # type: ignore[arg-type]
    return tower.train()


def make_loader(folder: Path, sha256: str) -> PairLoader:
    """A pair set of tiles of 467 px, as GRAFT collected them, with at least 25 photos each."""
    pairs = PairSet.create(folder, ("red", "green", "blue"), 467, 1.0)
    for seed in range(2):
        batch = make_batch(2 * TILES, 467, seed, most=4 * PHOTOS)
        pairs = pairs.append(batch)
        vectors = np.random.default_rng(seed).normal(size=(len(batch.links.tile), DIM))
        pairs.shards[-1].add_vectors(sha256, (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float16))
    return PairLoader(pairs, sha256, 16, PairSampling(batch=TILES))


def full_batch(batch: PairBatch) -> PairBatch:
    """A batch of tiles with exactly 25 photos each."""
    count = TILES * PHOTOS
    return PairBatch(
        batch.pixels, F.normalize(torch.randn(count, DIM), dim=1), torch.arange(TILES).repeat_interleave(PHOTOS),
        torch.full((count,), 1 / PHOTOS), torch.randint(0, 196, (count,)), batch.centre,
    )  # fmt: skip


def seconds(work: Callable[[], None]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def tower_alone(model: SatelliteModel, batch: PairBatch) -> None:
    """Forward and backward pass with the cheapest loss."""
    model.zero_grad()
    image, patches = model.tower.encode_both(batch.pixels)
    (image.sum() + patches.sum()).backward()


def losses_alone(model: SatelliteModel, batch: PairBatch) -> None:
    """Forward and backward pass of both GRAFT losses, down to the tower's embeddings."""
    image = F.normalize(torch.randn(TILES, DIM), dim=1).requires_grad_()
    patches = F.normalize(torch.randn(TILES, DIM, 14, 14), dim=1).requires_grad_()
    photos, _ = gather_photos(batch, 0.0, torch.device("cpu"))
    loss = image_level_loss(image, photos, model.scale)
    loss = loss + pixel_level_loss(anchors_of(patches, batch, 0), photos, model.scale, own_tiles=TILES)
    loss.backward()


def loss_memory(level: str) -> float:
    """GB that the loss of 4,096 tiles needs beyond its inputs, in a separate process."""
    done = subprocess.run([sys.executable, __file__, "--memory", level], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure_memory(level: str) -> float:
    """The same in this process, by Linux's peak counter, reset after the inputs exist."""
    tiles = 4096
    count = tiles * PHOTOS
    tile = torch.arange(tiles).repeat_interleave(PHOTOS)
    photos = Photos(F.normalize(torch.randn(count, DIM), dim=1), tile, torch.full((count,), 1 / PHOTOS))
    anchors = F.normalize(torch.randn(tiles if level == "image" else count, DIM), dim=1).requires_grad_()
    Path("/proc/self/clear_refs").write_text("5")
    before, scale = status_gb("VmRSS"), torch.tensor(1 / 0.07)
    if level == "image":
        image_level_loss(anchors, photos, scale).backward()
    else:
        rows = photos.of_tiles(0, tiles // 16)  # all chunks need the same: some of the rows show the peak in less time
        pixel_level_loss(anchors[rows], photos, scale, own_tiles=tiles // 16).backward()
    # Gradients of the other rows, stored and passed on
    left_out = 0 if level == "image" else 2 * (count - count // 16) * DIM * 4
    return status_gb("VmHWM") - before + left_out / 1e9


def status_gb(name: str) -> float:
    """A value of this process's /proc status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith(name))


@click.command()
@click.option("--repeats", default=3, show_default=True)
@click.option("--memory", hidden=True)
def main(repeats: int, memory: str | None) -> None:
    """Print the cost of a step beside the tower's cost."""
    if memory:
        click.echo(measure_memory(memory))
        return
    with tempfile.TemporaryDirectory() as folder:
        tower = make_tower(Path(folder) / "clip")
        model = SatelliteModel(tower, AlignSettings(level="both"))
        loader = make_loader(Path(folder) / "pairs", "a" * 64)
        batch = full_batch(loader.batch(0))
        tower_alone(model, batch)
        runs = [
            (seconds(lambda: tower_alone(model, batch)), seconds(lambda: losses_alone(model, batch)))
            for _ in range(repeats)
        ]
        shares = sorted(losses / alone for alone, losses in runs)
        alone = sorted(one for one, _ in runs)[repeats // 2]
        click.echo(f"tower alone   {TILES / alone:8.2f} tiles/s")
        click.echo(f"losses        {shares[repeats // 2]:8.2%} of its time ({shares[0]:.2%} to {shares[-1]:.2%})")
        steps = 12
        took = seconds(lambda: [None for _ in loader.batches(0, steps)][-1])
        rate = steps * TILES / took
        click.echo(f"loader        {rate:8.1f} tiles/s, {rate * alone / TILES:.0f} x what the tower takes")
    for level in ("image", "pixel"):
        click.echo(f"{level} loss, 4,096 tiles x 25 photos x 512: {loss_memory(level):.2f} GB beside its inputs")


if __name__ == "__main__":
    main()
