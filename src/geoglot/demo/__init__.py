"""What ships with geoglot to be looked at: a real scene for `mini`, and a small GRAFT with a scene for it."""

from pathlib import Path

#: Bands red, green, blue, nir as uint16 of 11 bits, EPSG:32631, 600 x 600 px, nodata 0
SCENE = Path(__file__).with_name("scene.tif")
#: Folder of a GRAFT of pixel level, by recipes/world/small_graft.py
GRAFT = Path(__file__).with_name("graft") / "model"
#: A country that it was not trained on, EPSG:32632, 768 x 768 px of 1 m
COUNTRY = Path(__file__).with_name("graft") / "scene.tif"
