"""One answer from all doors and any extent: the pixels that a tile, a batch or a crop changes, and areas by each door.

    python benchmarks/alike.py [--model FOLDER] [--json] [SCENE ...]

The map is that of water, trees, building, road and grass. A pixel is inside if it lies `--inside` pixels from the
borders of the crop: nearer, the model sees other ground. Crops leave out the first rows and columns. A scene with
a place on the ground is cropped at that place; one without has none, so its crops show what a shift of the lattice
costs. Areas are shares of the scene, by `segment` with one class, `find` and `ask`, with the same background. The reach
is the share of cells that change by their distance from where a crop ends, the lattice being the same. Without scenes,
the bundled one is measured, as it is and in 8 bit.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import rasterio
import torch
from affine import Affine
from rasterio.windows import Window

from geoglot.demo import SCENE
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.scene.encoded_scene import encode_scene
from geoglot.scene.text_vectors import text_vectors
from geoglot.sources.raster import open_raster
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.segment import segment

WORDS = ("water", "trees", "building", "road", "grass")
TILES = (224, 448, 672, 1024)
CROPS = ((1, 1), (37, 51), (100, 64))
RINGS = (0, 32, 64, 96, 128, 160, 192)


def crop(scene: Path, top: int, left: int, target: Path) -> Path:
    """The scene without its first rows and columns, and without the last 30, at its place on the ground."""
    with rasterio.open(scene) as source:
        part = Window(left, top, source.width - left - 30, source.height - top - 30)
        place = source.transform @ Affine.translation(left, top)
        profile = {"driver": "GTiff", "count": source.count, "dtype": source.dtypes[0], "crs": source.crs}
        with rasterio.open(target, "w", **profile, width=part.width, height=part.height, transform=place) as cut:
            cut.write(source.read(window=part))
            cut.colorinterp, cut.descriptions = source.colorinterp, source.descriptions
    return target


def classes(scene: Path, folder: Path, model: VisionLanguageModel, **read: Any) -> np.ndarray:
    """The class of each pixel."""
    target, options = folder / "map.tif", SegmentOptions(overlay=False)
    segment(scene, WORDS, target, model=model, read=ReadOptions(**read), options=options, overwrite=True)
    with rasterio.open(target) as mapped:
        return np.asarray(mapped.read(1))


def changed(one: np.ndarray, other: np.ndarray, inside: int) -> float | None:
    """Percent of the inner pixels that differ; None if there are none."""
    inner = np.s_[inside:-inside, inside:-inside] if inside else np.s_[:, :]
    return round(100 * float((one[inner] != other[inner]).mean()), 2) if one[inner].size else None


def extents(scene: Path, folder: Path, model: VisionLanguageModel, inside: int) -> dict[str, Any]:
    """Percent of pixels that tiles, a batch of one and crops change, and the seconds of one map."""
    started = time.monotonic()
    usual = classes(scene, folder, model)
    found: dict[str, Any] = {"seconds": round(time.monotonic() - started, 2)}
    for tile in TILES:
        found[f"tile {tile}"] = changed(usual, classes(scene, folder, model, tile=tile), 0)
    found["batch 1"] = changed(usual, classes(scene, folder, model, batch=1), 0)
    for top, left in CROPS:
        named = folder / f"{scene.stem}.crop.tif" if scene.parent == folder else folder / f"{scene.stem}.tif"
        part = classes(crop(scene, top, left, named), folder, model)  # its name may tell what its bands are
        whole = usual[top : top + part.shape[0], left : left + part.shape[1]]
        found[f"crop {top},{left}"] = changed(whole, part, inside)
    return found


def doors(scene: Path, folder: Path, model: VisionLanguageModel) -> dict[str, dict[str, float]]:
    """For each word the percent of the scene that it covers by each door, and the largest difference of two."""
    table = {}
    with encode_scene(scene, model) as encoded:
        pixels = sum(int(row.valid.sum()) for row in encoded.rows())
        for word in WORDS:
            background = (*(other for other in WORDS if other != word), "bare soil")
            options = SegmentOptions(background=background, overlay=False)
            mapped = segment(scene, (word,), folder / "one.tif", model=model, options=options, overwrite=True)
            asked = FindOptions(background=background, overlay=False)
            objects = find(encoded, word, options=asked).objects
            side = abs(encoded.raster.grid.transform.determinant)
            with Asker.open(encoded, model=model, options=AskOptions(find=asked)) as asker:
                answer = asker.ask(f"What percentage of the scene is {word}?")
            shares = {
                "segment": 100 * sum(share.share for share in mapped.classes if share.name == word),
                "find": 100 * float(objects.geometry.area.sum()) / side / pixels,
                "ask": float(answer.value or 0),
            }
            widest = max(shares.values()) - min(shares.values())
            shares["apart"] = 100 * widest / max(*shares.values(), 1e-9)
            table[word] = {door: round(share, 2) for door, share in shares.items()}
    return table


@torch.inference_mode()
def reach(scene: Path, model: VisionLanguageModel) -> dict[str, float]:
    """Percent of cells that change where a crop ends, by the least distance in pixels from its end."""
    patch, texts = model.card.patch_size, text_vectors(model, WORDS)
    with open_raster(scene, resolution=model.card.resolution) as raster:
        pixels = torch.from_numpy(raster.read(raster.grid.whole).pixels)[None, :3, :1024, :1024]
    rows, cols = (side // 64 * 64 for side in pixels.shape[2:])
    whole = _best(model, pixels[:, :, :rows, :cols], texts)
    part = _best(model, pixels[:, :, 64:rows, 64:cols], texts)
    differs = whole[64 // patch :, 64 // patch :] != part
    down, across = np.indices(differs.shape)
    near = np.minimum(down, across) * patch
    rings = {f"{ring}+": differs[(near >= ring) & (near < ring + 32)] for ring in RINGS}
    return {ring: round(100 * float(cells.mean()), 1) for ring, cells in rings.items() if cells.size}


def _best(model: VisionLanguageModel, pixels: torch.Tensor, texts: torch.Tensor) -> np.ndarray:
    return torch.einsum("tdrc,wd->twrc", model.encode_patches(pixels), texts)[0].argmax(0).numpy()


def in_8_bit(scene: Path, target: Path) -> Path:
    """The scene as it is shown, so that its crops are shown alike."""
    with open_raster(scene) as raster:
        shown = (255 * raster.read(raster.grid.whole).pixels[:3]).astype(np.uint8)
        place = {"crs": raster.grid.crs.to_wkt() if raster.grid.crs else None, "transform": raster.grid.transform}
    height, width = shown.shape[1:]
    with rasterio.open(target, "w", driver="GTiff", count=3, dtype="uint8", width=width, height=height, **place) as out:
        out.write(shown)
    return target


@click.command()
@click.argument("scenes", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--model", "name", default="mini", show_default=True)
@click.option("--inside", default=160, show_default=True, help="Pixels from the borders of a crop.")
@click.option("--json", "as_json", is_flag=True)
def main(scenes: tuple[Path, ...], name: str, inside: int, as_json: bool) -> None:
    """Print the changes and the areas of each scene."""
    model, rows = load_word_model(name), {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for scene in scenes or (Path(SCENE), in_8_bit(Path(SCENE), folder / "demo in 8 bit.tif")):
            measured = {
                "changed": extents(scene, folder, model, inside),
                "reach": reach(scene, model),
                "doors": doors(scene, folder, model),
            }
            rows[scene.name] = measured
            if not as_json:
                click.echo(describe(scene.name, measured))
    if as_json:
        click.echo(json.dumps({"model": model.card.sha256, "inside": inside, "scenes": rows}))


def describe(scene: str, measured: dict[str, dict[str, Any]]) -> str:
    """The measurements of a scene in lines."""
    lines = [scene]
    for what in ("changed", "reach"):
        lines.append(f"  {what:<9}" + "  ".join(f"{key}: {value}" for key, value in measured[what].items()))
    for word, shares in measured["doors"].items():
        lines.append(f"  {word:<9}" + "  ".join(f"{door}: {share} %" for door, share in shares.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
