"""OpenEarthMap (Xia et al. 2023, arXiv 2210.10732): 97 regions at 0.25 to 0.5 m, 8 classes, ids 1 to 8, 0 = unlabelled.

Layout: OpenEarthMap.zip without xBD: OpenEarthMap_wo_xBD/REGION/{images,labels}/*.tif and val.txt with file names.
Words: SegEarth-OV (Li et al., CVPR 2025), configs/cls_openearthmap.txt; its ninth class, "background" for id 0, is
left out, since the data set's own paper has eight.
"""

from geoglot.datasets.classes import MapClass
from geoglot.datasets.layout import MaskedImages

OPENEARTHMAP = MaskedImages(
    name="openearthmap",
    title="OpenEarthMap",
    page="https://open-earth-map.org",
    resolution=(0.25, 0.5),
    splits={"val": None},
    classes=(
        MapClass("bareland", (1,), ("bareland", "barren")),
        MapClass("grass", (2,)),
        MapClass("pavement", (3,)),
        MapClass("road", (4,)),
        MapClass("tree", (5,), ("tree", "forest")),
        MapClass("water", (6,), ("water", "river")),
        MapClass("cropland", (7,)),
        MapClass("building", (8,), ("building", "roof", "house")),
    ),
    images="OpenEarthMap_wo_xBD/*/images/*.tif",
    to_mask=(("/images/", "/labels/"),),
    list_file="OpenEarthMap_wo_xBD/val.txt",
)
