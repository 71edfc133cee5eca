from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from PIL import Image
from rasterio.windows import Window
from show import command, cut_out

from geoglot.demo import SCENE
from worlds import class_field, paint, write_scene


def test_both_maps_stand_beside_the_scene(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", paint(class_field((120, 300), 3), ("water", "forest", "roof")))
    arguments = ["mini", "mini", tmp_path / "pair.png", scene, "--classes", "water, forest"]
    result = CliRunner().invoke(command, [*map(str, arguments), "--window", "10", "20", "100", "80"])
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "pair.png") as picture:
        drawn = np.asarray(picture.convert("RGB")).astype(int)
    first, second = np.split(drawn, 2)
    assert np.array_equal(first, second)  # both by one model
    assert drawn.shape[0] > 2 * 80 and drawn.shape[1] >= 2 * 100
    assert np.abs(first[:80, :100] - first[:80, 100:200]).mean() > 5  # the map is painted over the right half


def test_a_part_keeps_its_bands_and_its_place(tmp_path: Path) -> None:
    with (
        rasterio.open(cut_out(SCENE, Window(30, 50, 40, 20), tmp_path / "a.tif")) as part,
        rasterio.open(SCENE) as whole,
    ):
        assert part.shape == (20, 40) and part.descriptions == whole.descriptions and part.crs == whole.crs
        assert part.xy(0, 0) == pytest.approx(whole.xy(50, 30))
        np.testing.assert_array_equal(part.read(), whole.read(window=Window(30, 50, 40, 20)))
