"""UAVid (Lyu et al. 2020, arXiv 1810.10438): slanted drone video in 4K, 8 classes as colours.

Layout: the authors' archives uavid_{train,val,test}, seqN/{Images,Labels}. `uavid` is as SegEarth-OV (Li et al., CVPR
2025, configs/cls_uavid.txt) measures it: the two kinds of car are one class, and it reports the test part, whose labels
came later. `uavid-8` has all classes, in the order of the authors' toolkit, as supervised models are measured. The
ground resolution varies within slanted views.
"""

from dataclasses import replace

from geoglot.datasets.classes import MapClass
from geoglot.datasets.layout import MaskedImages

UAVID_8 = MaskedImages(
    name="uavid-8",
    title="UAVid",
    page="https://uavid.nl",
    resolution=None,
    splits={"val": 70, "train": 200, "test": 150},
    classes=(
        MapClass("clutter", ((0, 0, 0),)),
        MapClass("building", ((128, 0, 0),)),
        MapClass("road", ((128, 64, 128),)),
        MapClass("static car", ((192, 0, 192),)),
        MapClass("tree", ((0, 128, 0),)),
        MapClass("low vegetation", ((128, 128, 0),)),
        MapClass("human", ((64, 64, 0),)),
        MapClass("moving car", ((64, 0, 128),)),
    ),
    images="uavid_{split}/seq*/Images/*.png",
    unlabelled=("test",),
    to_mask=(("/Images/", "/Labels/"),),
)
UAVID = replace(
    UAVID_8,
    name="uavid",
    unlabelled=(),
    classes=(
        MapClass("background", ((0, 0, 0),)),
        MapClass("building", ((128, 0, 0),)),
        MapClass("road", ((128, 64, 128),)),
        MapClass("car", ((192, 0, 192), (64, 0, 128))),
        MapClass("tree", ((0, 128, 0),)),
        MapClass("vegetation", ((128, 128, 0),)),
        MapClass("human", ((64, 64, 0),)),
    ),
)
