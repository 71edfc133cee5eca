"""LoveDA (Wang et al. 2021, arXiv 2110.08733): Google Earth, 1,024 px at 0.3 m, 7 classes, ids 1 to 7, 0 = no data.

Layout: Val.zip of its Zenodo record, which unpacks to Val/{Urban,Rural}/{images_png,masks_png}; its test masks are
not public. Words: SegEarth-OV (Li et al., CVPR 2025), configs/cls_loveda.txt.
"""

from geoglot.datasets.layout import MapClass, MaskedImages

LOVEDA = MaskedImages(
    name="loveda",
    title="LoveDA",
    page="https://zenodo.org/records/5706578",
    resolution=(0.3, 0.3),
    splits={"val": 1_669},
    classes=(
        MapClass("background", (1,)),
        MapClass("building", (2,), ("building", "roof", "house")),
        MapClass("road", (3,)),
        MapClass("water", (4,)),
        MapClass("barren", (5,)),
        MapClass("forest", (6,)),
        MapClass("agriculture", (7,), ("agricultural",)),
    ),
    images="Val/*/images_png/*.png",
    to_mask=(("images_png", "masks_png"),),
)
