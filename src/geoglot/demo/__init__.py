"""The scene that ships with geoglot: houses, trees, grass and roads in Rotterdam at 0.5 m."""

from pathlib import Path

#: Bands red, green, blue, nir as uint16 of 11 bits, EPSG:32631, 600 x 600 px, nodata 0
SCENE = Path(__file__).with_name("scene.tif")
