"""Water by words and by words with near infrared, against the dark heap of near infrared, for each door.

`python benchmarks/physics.py FOLDER [MODEL]` on a folder of rasters whose near infrared is named. The reference is
every pixel that is darker in near infrared than Otsu's threshold of the scene; the area by NDWI > 0 is printed beside
it, which in plain numbers is no reference, since the gain of each band is unknown.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from skimage.filters import threshold_otsu

from geoglot.models.zoo import load_model
from geoglot.options import FindOptions, SegmentOptions
from geoglot.sources.bands.indices import INDICES
from geoglot.sources.listing import find_images
from geoglot.sources.raster import open_raster
from geoglot.tasks.ask.ask import AskOptions, ask
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.segment import segment

CLASSES = "water, trees, grass, bare soil, road, building"


def reference(source: Path) -> tuple[np.ndarray, float, float]:
    """Where near infrared is dark, Otsu's threshold, and the share of pixels with NDWI above 0."""
    with open_raster(source) as raster:
        bands, valid = raster.read_spectrum(raster.grid.whole)
    threshold = float(threshold_otsu(bands["nir"][valid]))
    return (bands["nir"] <= threshold) & valid, threshold, float((INDICES["NDWI"].value(bands)[valid] > 0).mean())


def main(folder: str, name: str = "mini") -> None:
    """Print the area of water at each door, as a share of the reference, by words and by words with bands."""
    model = load_model(name)
    print(f"{'scene':28} {'evidence':12} {'segment':>8} {'find':>8} {'ask':>8}   IoU of segment with the reference")
    for source in map(Path, find_images([folder])):
        dark, threshold, mixture = reference(source)
        with open_raster(source) as raster:
            pixel_m2 = raster.grid.pixel_area_m2(raster.grid.whole) or 0.0
        area = dark.sum() * pixel_m2
        print(f"{source.stem[-28:]:28} near infrared up to {threshold:.0f}: {dark.mean():.1%}; NDWI > 0: {mixture:.1%}")
        for evidence in ("words", "words+bands"):
            options = FindOptions(evidence=evidence, overlay=False)
            with tempfile.TemporaryDirectory() as scratch:
                output = Path(scratch) / "map.tif"
                chosen = SegmentOptions(evidence=evidence, overlay=False)
                shares = {
                    each.name: each for each in segment(source, CLASSES, output, model=model, options=chosen).classes
                }
                with rasterio.open(output) as dataset:
                    water = dataset.read(1) == 1
            found = find(source, "water", model=model, options=options).areas_m2["water"] or 0.0
            answer = ask(source, "What is the area of water?", model=model, options=AskOptions(find=options))
            doors = [shares["water"].area_m2 or 0.0, found, float(answer.value or 0)]
            ratios = " ".join(f"{each / area:8.3f}" for each in doors)
            overlap = (water & dark).sum() / (water | dark).sum()
            print(f"{'':28} {evidence:12} {ratios}   {overlap:.3f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
