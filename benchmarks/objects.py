"""Cost and quality of `find`: runs of SAM's encoder, memory, and how well planted objects match.

    python benchmarks/objects.py [--side 4000 --side 12000] [--patch 16] [--json]

The plain way, that of text-prompted SAM tools: for each prompt, each tile of SAM's size is embedded and decoded.
geoglot embeds each view with an object once for all prompts; the text scores need one encoding of the scene. Both ways
are counted on one scene with five prompts; SAM is a small SamModel of transformers with random weights.
Memory is the peak resident size of a separate process that finds two classes with a stub scorer and `edges`.
Planted objects have several sizes; pairs touch; borders of windows and of the file's tiles cut them; over seeds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from figures_of_runs import peak_gb, run_apart
from memory import write_blocks

from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.windows import WindowPlan
from geoglot.tasks.find.find import find
from geoglot.tasks.refine.sam import Normalisation, Sam

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from scenes import plant, precision_and_recall, scatter
from stubs import ColourScorer
from tinysam import tiny_sam
from worlds import write_scene

PROMPTS = ("roof", "water", "forest", "snow", "heath")
NAMES = (*PROMPTS, "sand")
SEEDS = 5
SAM_SIDE, COUNTED = 1024, 4096
BLOCK = 1000
LIMIT_GB = 1.5


def encoder(patch: int = 8) -> ColourScorer:
    """The stub scorer."""
    return ColourScorer(NAMES, patch=patch)


def count_encodings() -> dict[str, Any]:
    """Images through SAM's encoder for five prompts, by the plain way and by `find`."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        make_scene(scene, COUNTED, PROMPTS, 15)
        model, runs = tiny_sam(SAM_SIDE), [0]
        embed = model.get_image_embeddings

        def counted(pixels: Any) -> Any:
            runs[0] += len(pixels)
            return embed(pixels)

        model.get_image_embeddings = counted
        refiner = Sam(model, Normalisation((0.5,) * 3, (0.5,) * 3))
        scorer = ColourScorer(NAMES)
        read = ReadOptions(tile=512, overlap=64)
        result = find(scene, list(PROMPTS), model=scorer, read=read, refiner=refiner)
    tiles = len(WindowPlan((COUNTED, COUNTED), SAM_SIDE, 0, 1))
    return {
        "prompts": len(PROMPTS), "objects": len(result.objects), "plain": tiles * len(PROMPTS), "ours": runs[0],
        "ratio": round(tiles * len(PROMPTS) / runs[0], 2), "text_windows": scorer.tiles,
    }  # fmt: skip


def match_planted(patch: int) -> dict[str, Any]:
    """Precision and recall at IoU 0.5 with `edges`, over seeds, by a stub of this patch size."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(SEEDS):
            things = scatter((600, 640), 24, ("roof", "water"), seed)
            planted = plant((600, 640), things, seed)
            scene = write_scene(Path(folder) / f"{seed}.tif", planted.pixels)
            read = ReadOptions(tile=128, overlap=32)
            result = find(scene, ["roof", "water"], model=encoder(patch), read=read, refiner="edges")
            rows.append(precision_and_recall(result.objects, planted))
    figures = np.array(rows)
    return {
        key: {"mean": round(float(column.mean()), 4), "least": round(float(column.min()), 4), "seeds": SEEDS}
        for key, column in zip(("precision", "recall"), figures.T, strict=True)
    }


def make_scene(path: Path, side: int, names: tuple[str, ...], things: int) -> None:
    """A tiled raster of `side` x `side` pixels: a few planted blocks, repeated in a seeded order."""
    rng = np.random.default_rng(0)
    size = (BLOCK, BLOCK)
    blocks = [plant(size, scatter(size, things, names, seed), seed).pixels for seed in range(3)]
    write_blocks(path, (side, side), blocks, lambda: int(rng.integers(len(blocks))))


def measure(scene: Path) -> dict[str, Any]:
    """Find in this process; returns peak memory in GB and the time."""
    started = time.monotonic()
    read = ReadOptions(tile=512, overlap=64)
    output = scene.with_suffix(".gpkg")
    result = find(
        scene,
        ["roof", "water"],
        output,
        model=encoder(16),
        read=read,
        options=FindOptions(overlay=False),
        refiner="edges",
    )
    return {
        "peak_gb": round(peak_gb(), 3),
        "seconds": round(time.monotonic() - started, 1),
        "objects": len(result.objects),
    }


def child(side: int) -> dict[str, Any]:
    """`measure` in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        make_scene(scene, side, ("roof", "water"), 40)
        return {"side": side, **run_apart(__file__, "--measure", scene)}


def _planted_text(planted: dict[str, Any]) -> str:
    return "\n".join(
        f"planted, {key} at IoU 0.5: {row['mean']:.3f}, least {row['least']:.3f} of {SEEDS} seeds"
        for key, row in planted.items()
    )


@click.command()
@click.option("--side", "sides", type=int, multiple=True, default=(2_000, 6_000), show_default=True)
@click.option("--patch", type=int, help="Only planted objects, with a stub of this patch size.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--measure", "one", type=click.Path(path_type=Path), hidden=True)
def main(sides: tuple[int, ...], patch: int | None, as_json: bool, one: Path | None) -> None:
    """Print encoder runs, planted objects and memory; exit 1 if a bar is missed."""
    if one:
        click.echo(json.dumps(measure(one)))
        return
    if patch:
        planted = match_planted(patch)
        click.echo(json.dumps(planted) if as_json else _planted_text(planted))
        return
    runs, planted, memory = count_encodings(), match_planted(8), [child(side) for side in sides]
    if as_json:
        click.echo(json.dumps({"encoder_runs": runs, "planted": planted, "memory": memory}))
    else:
        click.echo(
            f"encoder runs for {runs['prompts']} prompts: a call a tile a prompt {runs['plain']}, ours {runs['ours']} "
            f"({runs['ratio']} times fewer; {runs['objects']} objects, {runs['text_windows']} windows of text scores)"
        )
        click.echo(_planted_text(planted))
        for row in memory:
            click.echo(
                f"{row['side']:>6} px  peak {row['peak_gb']:.2f} GB  {row['seconds']} s  {row['objects']} objects"
            )
    good = runs["ratio"] >= 3 and all(row["least"] >= 0.95 for row in planted.values())
    sys.exit(not good or any(row["peak_gb"] > LIMIT_GB for row in memory))


if __name__ == "__main__":
    main()
