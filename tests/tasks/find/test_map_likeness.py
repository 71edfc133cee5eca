from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.errors import InputError
from geoglot.scene.encoded_scene import encode_scene
from geoglot.tasks.find.map_likeness import map_likeness
from stubs import ColourScorer, PooledColours
from worlds import paint, write_scene

NAMES = ("water", "forest", "sand")


def place_in(scene: Path, inside: np.ndarray) -> str:
    """A place well inside a class."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    row, col = np.unravel_index(depth.argmax(), depth.shape)
    with rasterio.open(scene) as file:
        x, y = file.transform @ (col + 0.5, row + 0.5)
        if file.crs is None:
            return f"{col},{row}"
        lon, lat = pyproj.Transformer.from_crs(file.crs, "OGC:CRS84", always_xy=True).transform(x, y)
    return f"{lon},{lat}"


@pytest.mark.parametrize("wanted", range(3))
@pytest.mark.parametrize("crs", ["EPSG:32631", None])
def test_ground_like_the_place_is_hot_and_no_other(
    tmp_path: Path, field: np.ndarray, wanted: int, crs: str | None
) -> None:
    scene = write_scene(tmp_path / "scene.tif", paint(field, NAMES), nodata=None, crs=crs)
    place = place_in(scene, field == wanted)
    result = map_likeness(scene, place, tmp_path / "like.tif", model=PooledColours())
    with rasterio.open(result.output) as file:
        scores = file.read(1)
        assert file.descriptions == (f"like {place}",)
    same = field == wanted
    assert scores[same].mean() > 0.8 > 0.3 > scores[~same].mean()
    assert 0.99 < result.names[0].highest <= 1 and result.picture is not None


def test_an_encoded_scene_has_the_same_likeness(scene: Path, field: np.ndarray, tmp_path: Path) -> None:
    place, model = place_in(scene, field == 0), PooledColours()
    once = map_likeness(scene, place, tmp_path / "a.tif", model=model)
    with encode_scene(scene, model) as encoded:
        again = map_likeness(encoded, place, tmp_path / "b.tif")
    with rasterio.open(once.output) as one, rasterio.open(again.output) as other:
        assert np.allclose(one.read(), other.read(), atol=1e-3)


@pytest.mark.parametrize("place", ["3.2", "north,west", "170,-40", "10,99", "nan,nan", ""])
def test_places_that_are_none_are_refused_before_work(scene: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="LON,LAT in degrees"):
        map_likeness(scene, place, tmp_path / "like.tif", model=PooledColours())
    assert sorted(tmp_path.iterdir()) == [scene]


def test_a_place_without_data_is_refused(tmp_path: Path, field: np.ndarray) -> None:
    pixels = paint(field, NAMES)
    pixels[:, 40:120, 40:120] = 0
    scene = write_scene(tmp_path / "scene.tif", pixels, nodata=0)
    inside = np.zeros(field.shape, bool)
    inside[40:120, 40:120] = True
    with pytest.raises(InputError, match="nothing is known"):
        map_likeness(scene, place_in(scene, inside), tmp_path / "like.tif", model=PooledColours())


def test_a_place_beside_no_data_is_known(tmp_path: Path, field: np.ndarray) -> None:
    pixels = paint(field, NAMES)
    pixels[:, 40:120, 40:120] = 0
    scene = write_scene(tmp_path / "scene.tif", pixels, nodata=0, crs=None)
    result = map_likeness(scene, "60,38", tmp_path / "like.tif", model=PooledColours())
    assert result.names[0].highest > 0.99


def test_a_model_with_classes_has_no_vectors_to_compare(scene: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="classes in place of vectors"):
        map_likeness(scene, "3,51", tmp_path / "like.tif", model=ColourScorer(NAMES))


def test_the_command_takes_words_or_a_place(scene: Path, field: np.ndarray, tmp_path: Path) -> None:
    asked = ["segment", str(scene), "-o", str(tmp_path / "like.tif"), "--place", place_in(scene, field == 0)]
    done = CliRunner().invoke(cli, [*asked, "--heat"])
    assert done.exit_code == 0 and "like " in done.output, done.output
    for wrong in ([], ["--heat", "--classes", "water"]):
        refused = CliRunner().invoke(cli, [*asked, *wrong])
        assert refused.exit_code == 2 and "--place" in refused.output
