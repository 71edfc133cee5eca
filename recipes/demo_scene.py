"""Make the demo scene: 300 m of Rotterdam in colour at 0.5 m, from a panchromatic and a multispectral chip.

    python recipes/demo_scene.py SOLARIS      # the unpacked source distribution of solaris 0.4.0

The two chips of solaris' preprocessing tutorial (SpaceNet 6, WorldView-2) are sharpened by weighted Brovey:
every band takes the detail of the panchromatic band, pan / sum(weight_b * band_b), where the weights are the
non-negative ones that best explain the panchromatic band by the others. Digital numbers stay 11 bits.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.warp import reproject

CHIPS = Path("solaris/data/preproc_tutorial")
SCENE = Path(__file__).parents[1] / "src/geoglot/demo/scene.tif"
BANDS = {"red": 3, "green": 2, "blue": 1, "nir": 4}  # name -> band of the chip
WEIGHTS = (0.286, 0.429, 0.0, 0.165)  # non-negative least squares of pan on BANDS; it does not see the blue
NODATA, BRIGHTEST = 0, 2047  # of 11 bits


def main(solaris: Path, scene: Path = SCENE) -> None:
    """Write the scene from the chips under an unpacked solaris."""
    with (
        rasterio.open(solaris / CHIPS / "pan1.tif") as source,
        rasterio.open(solaris / CHIPS / "ms1.tif") as colours,
    ):
        pan = source.read(1).astype("float64")
        bands = np.zeros((len(BANDS), *pan.shape))
        # Bilinear: a cubic kernel overshoots at bright roofs, and the ratio below makes coloured specks of that.
        reproject(
            colours.read(list(BANDS.values())),
            bands,
            src_transform=colours.transform,
            src_crs=colours.crs,
            dst_transform=source.transform,
            dst_crs=source.crs,
            resampling=Resampling.bilinear,
        )
        sharp = bands * (pan / np.maximum(np.tensordot(WEIGHTS, bands, 1), 1))
        write(scene, sharp.round().clip(NODATA + 1, BRIGHTEST).astype("uint16"), source)


def write(path: Path, pixels: NDArray[np.uint16], like: rasterio.DatasetReader) -> None:
    """Store pixels (band, rows, cols) as a COG that lies where `like` lies."""
    profile = {"driver": "GTiff", "dtype": "uint16", "count": len(pixels), "nodata": NODATA}
    place = {"crs": like.crs, "transform": like.transform, "height": like.height, "width": like.width}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile, **place) as draft:
            draft.write(pixels)
            draft.descriptions = tuple(BANDS)
            draft.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined]
        options = {"COMPRESS": "DEFLATE", "LEVEL": "9", "PREDICTOR": "YES", "BLOCKSIZE": "256"}
        rasterio.shutil.copy(memory.name, path, driver="COG", **options)


@click.command()
@click.argument("solaris", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(solaris: Path) -> None:
    """Write src/geoglot/demo/scene.tif from an unpacked SOLARIS source distribution."""
    main(solaris)


if __name__ == "__main__":
    command()
