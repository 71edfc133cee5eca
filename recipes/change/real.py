"""Changes of real scenes: NAIP lakes, a Landsat pair with labels, and the pairs of DSIFN.

    python recipes/change/real.py DATA [--only naip] [--model mini]

DATA holds `rasters/naip` (one place on three dates), `labelled/change_landsat_taizhou` (2000 and 2003, Wu et al. 2014)
and `labelled/change_dsifn/{A,B,label}`.

- naip: the area of water on each date beside what near infrared says (dark pixels, divided by Otsu's threshold on each
  date), and the sign of each step.
- taizhou: F1 of changed pixels among those with a label, beside IR-MAD and a plain difference of bands. Each is divided
  by Otsu's threshold; in brackets is the F1 of its best threshold, for which the labels were read.
- dsifn: F1 of changed pixels over all pairs, beside a plain difference of bands.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "world"))

import click
import numpy as np
import rasterio
import rasterio.warp
from band_changes import band_difference, best_f1, divide, ir_mad
from PIL import Image
from skimage.filters import threshold_otsu

from geoglot.errors import InputError
from geoglot.options import ReadOptions
from geoglot.tasks.change.change import change

#: Classes that are asked for; the first of naip is compared
LAKES = ["water", "crops", "grass", "bare soil", "trees"]
LANDSAT = ["buildings", "road", "water", "crops", "bare soil"]
TOWNS = ["buildings", "road", "crops", "bare soil", "grass", "water"]
TM = ReadOptions(sensor="landsat4-7-c2-l2")
SATELLITE_M = 2.0
"""Metres a pixel of DSIFN, whose pictures do not say it."""


def naip(data: Path, model: str, folder: Path) -> None:
    """Water on three dates, beside near infrared."""
    paths = sorted((data / "rasters/naip").glob("*.tif"))
    result = change(paths, LAKES, folder / "lakes.tif", model=model)
    water = next(each for each in result.classes if each.name == LAKES[0])
    expected = [_dark_m2(path) for path in paths]
    print("naip: water in km², from near infrared in brackets")
    for day, area, dark in zip(result.dates, water.area_m2, expected, strict=True):
        print(f"  {day}: {(area or 0) / 1e6:.3f} ({dark / 1e6:.3f}), {100 * ((area or 0) / dark - 1):+.1f} %")
    steps = np.diff([area or 0 for area in water.area_m2]), np.diff(expected)
    for own, dark in zip(*steps, strict=True):
        print(f"  step {own / 1e6:+.3f} ({dark / 1e6:+.3f}): {'same' if own * dark > 0 else 'OTHER'} sign")
    print(*(f"  {note}" for note in result.notes), sep="\n")


def _dark_m2(path: Path) -> float:
    with rasterio.open(path) as file:
        infrared = file.read(4)
        return float((infrared < threshold_otsu(infrared)).sum() * file.res[0] * file.res[1])


def taizhou(data: Path, model: str, folder: Path) -> None:
    """A town that grows, in six bands of 30 m."""
    place = data / "labelled/change_landsat_taizhou"
    paths = [place / f"Taizhou_{year}TM.tif" for year in (2000, 2003)]
    before, after = (_read(path).astype(float) for path in paths)
    labels = _read(place / "Taizhou_label_0unk_1same_2changed.tif")[0]
    known, changed = labels > 0, labels[labels > 0] == 2
    print("taizhou: F1 of changed pixels, percent; of the best threshold in brackets")
    for name, difference in (("IR-MAD", ir_mad(before, after)), ("bands", band_difference(before, after))):
        best = best_f1(difference[known], changed)
        print(f"  {name}: {100 * f1(divide(difference)[known], changed):.1f} ({100 * best:.1f})")
    try:
        result = change(paths, LANDSAT, folder / "town.tif", model=model, read=TM)
    except InputError as error:  # a model of aerial pictures sees nothing at 30 m
        print(f"  geoglot change refuses: {error}")
        return
    found = _changed(folder / "town.tif", paths[0])
    print(f"  geoglot change: {100 * f1(found[known], changed):.1f}", *result.notes, sep="\n    ")


def dsifn(data: Path, model: str, folder: Path) -> None:
    """Towns that grow, in pictures of about two metres."""
    place = data / "labelled/change_dsifn"
    truth, found, plain = [], [], []
    for path in sorted((place / "A").glob("*.png")):
        pair = [path, place / "B" / path.name]
        truth.append(np.asarray(Image.open(place / "label" / path.name).convert("L")) > 127)
        before, after = (np.asarray(Image.open(each).convert("RGB")).transpose(2, 0, 1).astype(float) for each in pair)
        plain.append(divide(band_difference(before, after)))
        out = folder / f"{path.stem}.tif"
        change(pair, TOWNS, out, model=model, read=ReadOptions(resolution=SATELLITE_M))
        found.append(_changed(out, path))
    changed = np.stack(truth)
    print(f"dsifn: F1 of changed pixels, percent; {changed.mean():.0%} have changed")
    print(f"  bands: {100 * f1(np.stack(plain), changed):.1f}")
    print(f"  geoglot change: {100 * f1(np.stack(found), changed):.1f}")


def f1(called: np.ndarray, true: np.ndarray) -> float:
    """2 right / (called + true)."""
    return float(2 * (called & true).sum() / max(1, called.sum() + true.sum()))


def _read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read())


def _changed(map_path: Path, first: Path) -> np.ndarray:
    """Where a map of changes has one, at the pixels of the first date; both cover the same ground."""
    with rasterio.open(map_path) as file, rasterio.open(first) as target:
        ids = file.read(1)
        if file.crs is None:
            rows, cols = (np.arange(side) * have // side for side, have in zip(target.shape, ids.shape, strict=True))
            return np.asarray((ids > 0) & (ids != file.nodata))[rows[:, None], cols]
        found = np.zeros(target.shape, np.uint8)
        rasterio.warp.reproject(
            ((ids > 0) & (ids != file.nodata)).astype(np.uint8), found, src_transform=file.transform, src_crs=file.crs,
            dst_transform=target.transform, dst_crs=target.crs, resampling=rasterio.warp.Resampling.nearest,
        )  # fmt: skip
    return found > 0


SCENES: dict[str, Callable[[Path, str, Path], None]] = {"naip": naip, "taizhou": taizhou, "dsifn": dsifn}


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.option("--only", "names", type=click.Choice(list(SCENES)), multiple=True, default=tuple(SCENES))
@click.option("--model", default="mini", show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for maps and pictures, to look at.")
def command(data: Path, names: tuple[str, ...], model: str, keep: Path | None) -> None:
    """Run scenes and print what they give."""
    for name in names:
        with tempfile.TemporaryDirectory() as work:
            folder = (keep or Path(work)) / name
            folder.mkdir(parents=True, exist_ok=True)
            SCENES[name](data, model, folder)


if __name__ == "__main__":
    command()
