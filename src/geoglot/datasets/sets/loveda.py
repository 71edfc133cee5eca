"""LoveDA (Wang et al. 2021, arXiv 2110.08733): Google Earth, 1,024 px at 0.3 m, 7 classes, ids 1 to 7, 0 = no data.

Layout: the archives of its Zenodo record, which unpack to {Train,Val,Test}/{Urban,Rural}/{images_png,masks_png}; the
test masks are not public. Words: SegEarth-OV (Li et al., CVPR 2025), configs/cls_loveda.txt.
"""

from geoglot.datasets.classes import MapClass
from geoglot.datasets.layout import MaskedImages

LOVEDA = MaskedImages(
    name="loveda",
    title="LoveDA",
    page="https://zenodo.org/records/5706578",
    resolution=(0.3, 0.3),
    splits={"val": 1_669, "train": 2_522, "test": 1_796},
    classes=(
        MapClass("background", (1,)),
        MapClass("building", (2,), ("building", "roof", "house")),
        MapClass("road", (3,)),
        MapClass("water", (4,)),
        MapClass("barren", (5,)),
        MapClass("forest", (6,)),
        MapClass("agriculture", (7,), ("agricultural",)),
    ),
    ignored=(0,),
    images="{split}/*/images_png/*.png",
    folders={"train": "Train", "val": "Val", "test": "Test"},
    unlabelled=("test",),
    archives={
        "Train.zip": "de2b196043ed9b4af1690b3f9a7d558f",
        "Val.zip": "84cae2577468ff0b5386758bb386d31d",
        "Test.zip": "a489be0090465e01fb067795d24e6b47",
    },
    to_mask=(("images_png", "masks_png"),),
)
