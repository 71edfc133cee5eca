"""UAVid (Lyu et al. 2020, arXiv 1810.10438): slanted drone video in 4K, 8 classes as colours.

Layout: uavid_val of the authors' archive, seqN/{Images,Labels}. The two kinds of car are one class, and words are
those of SegEarth-OV (Li et al., CVPR 2025), configs/cls_uavid.txt; it reports the test part, whose labels came later.
Slanted views have no one ground resolution.
"""

from geoglot.datasets.layout import MapClass, MaskedImages

UAVID = MaskedImages(
    name="uavid",
    title="UAVid",
    page="https://uavid.nl",
    resolution=None,
    splits={"val": 70},
    classes=(
        MapClass("background", ((0, 0, 0),)),
        MapClass("building", ((128, 0, 0),)),
        MapClass("road", ((128, 64, 128),)),
        MapClass("car", ((192, 0, 192), (64, 0, 128))),
        MapClass("tree", ((0, 128, 0),)),
        MapClass("vegetation", ((128, 128, 0),)),
        MapClass("human", ((64, 64, 0),)),
    ),
    images="uavid_val/seq*/Images/*.png",
    to_mask=(("/Images/", "/Labels/"),),
)
