"""AID (Xia et al. 2017): Google Earth, 600 px at 0.5 to 8 m, 30 classes, 10,000 images. Layout: AID.zip."""

import re

from geoglot.datasets.layout import FolderPerClass

_FOLDERS = """Airport BareLand BaseballField Beach Bridge Center Church Commercial DenseResidential Desert Farmland
Forest Industrial Meadow MediumResidential Mountain Park Parking Playground Pond Port RailwayStation Resort River School
SparseResidential Square Stadium StorageTanks Viaduct"""

AID = FolderPerClass(
    name="aid",
    title="AID",
    page="https://captain-whu.github.io/AID/",
    resolution=(0.5, 8.0),
    splits={"all": 10_000, "skyscript": None},
    roots=("AID", "."),
    words={folder: re.sub("(?<=[a-z])(?=[A-Z])", " ", folder).lower() for folder in _FOLDERS.split()},
    lists={"skyscript": "aid_img_txt_pairs_test.csv"},
)
