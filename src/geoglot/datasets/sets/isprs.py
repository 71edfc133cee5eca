"""ISPRS Potsdam and Vaihingen: aerial, 0.05 and 0.09 m, 6 classes as colours; black, the eroded borders, is ignored.

Layout: Potsdam's 2_Ortho_RGB.zip and 5_Labels_all_noBoundary.zip, Vaihingen's top folder (near infrared, red, green)
and ground_truth_eroded_COMPLETE, each unpacked into a folder of its archive's name, as mmsegmentation and SegEarth-OV
use them; models see Vaihingen's three bands as red, green, blue. Splits: the contest's test tiles. Words: SegEarth-OV
(Li et al., CVPR 2025), cls_potsdam.txt and cls_vaihingen.txt.
"""

from geoglot.datasets.classes import MapClass
from geoglot.datasets.layout import MaskedImages

_WHITE, _BLUE, _CYAN, _GREEN, _YELLOW, _RED = (
    (255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0),
)  # fmt: skip
_POTSDAM = "2_13 2_14 3_13 3_14 4_13 4_14 4_15 5_13 5_14 5_15 6_13 6_14 6_15 7_13"
_VAIHINGEN = (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38)
_TRUTH = "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE"

POTSDAM = MaskedImages(
    name="potsdam",
    title="ISPRS Potsdam",
    page="https://www.isprs.org/education/benchmarks/UrbanSemLab/2d-sem-label-potsdam.aspx",
    resolution=(0.05, 0.05),
    splits={"test": 14},
    classes=(
        MapClass("impervious surface", (_WHITE,), ("road", "parking lot")),
        MapClass("building", (_BLUE,)),
        MapClass("low vegetation", (_CYAN,)),
        MapClass("tree", (_GREEN,)),
        MapClass("car", (_YELLOW,)),
        MapClass("clutter", (_RED,), ("clutter", "background")),
    ),
    images="2_Ortho_RGB/top_potsdam_*_RGB.tif",
    to_mask=(("2_Ortho_RGB", "5_Labels_all_noBoundary"), ("_RGB.tif", "_label_noBoundary.tif")),
    stems=tuple(f"top_potsdam_{tile}_RGB" for tile in _POTSDAM.split()),
)
VAIHINGEN = MaskedImages(
    name="vaihingen",
    title="ISPRS Vaihingen",
    page="https://www.isprs.org/education/benchmarks/UrbanSemLab/2d-sem-label-vaihingen.aspx",
    resolution=(0.09, 0.09),
    splits={"test": 17},
    classes=(
        MapClass("impervious surface", (_WHITE,)),
        MapClass("building", (_BLUE,)),
        MapClass("low vegetation", (_CYAN,)),
        MapClass("tree", (_GREEN,)),
        MapClass("car", (_YELLOW,)),
        MapClass("clutter", (_RED,)),
    ),
    images="top/top_mosaic_09cm_area*.tif",
    to_mask=(("top/", f"{_TRUTH}/"), (".tif", "_noBoundary.tif")),
    stems=tuple(f"top_mosaic_09cm_area{area}" for area in _VAIHINGEN),
)
