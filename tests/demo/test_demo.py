import numpy as np
import rasterio

from geoglot.demo import SCENE


def test_scene_is_placed_masked_and_small() -> None:
    with rasterio.open(SCENE) as scene:
        assert scene.crs.to_epsg() == 32631
        assert scene.shape == (600, 600)
        assert scene.descriptions == ("red", "green", "blue", "nir")
        assert abs(scene.res[0] - 0.5) < 1e-4
        assert scene.read_masks().min() == 255
    assert SCENE.stat().st_size < 2.5e6
    assert SCENE.with_name("LICENCE.md").exists()


def test_half_of_the_scene_is_green() -> None:
    """The share that its licence file names as the reference for vegetation."""
    with rasterio.open(SCENE) as scene:
        red, nir = scene.read([1, 4]).astype(np.float32)
    assert round(float(((nir - red) / (nir + red) > 0.4).mean()), 2) == 0.51
