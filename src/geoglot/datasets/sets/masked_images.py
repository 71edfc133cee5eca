"""Segmentation sets of images with a mask beside each; the source of each is below it."""

from dataclasses import replace

from geoglot.datasets.classes import MapClass
from geoglot.datasets.layout import MaskedImages

_WHITE, _BLUE, _CYAN, _GREEN, _YELLOW, _RED = (
    (255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0),
)  # fmt: skip
_POTSDAM = "2_13 2_14 3_13 3_14 4_13 4_14 4_15 5_13 5_14 5_15 6_13 6_14 6_15 7_13"
_VAIHINGEN = (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38)
_TRUTH = "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE"

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
"""LoveDA (Wang et al. 2021, arXiv 2110.08733): Google Earth, 1,024 px at 0.3 m, 7 classes, ids 1 to 7, 0 = no data.

Layout: the archives of its Zenodo record, which unpack to {Train,Val,Test}/{Urban,Rural}/{images_png,masks_png}; the
test masks are not public. Words: SegEarth-OV (Li et al., CVPR 2025), configs/cls_loveda.txt.
"""

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
"""OpenEarthMap (Xia et al. 2023, arXiv 2210.10732): 97 regions at 0.25 to 0.5 m, 8 classes, ids 1 to 8, 0 = unlabelled.

Layout: OpenEarthMap.zip without xBD: OpenEarthMap_wo_xBD/REGION/{images,labels}/*.tif and val.txt with file names.
Words: SegEarth-OV (Li et al., CVPR 2025), configs/cls_openearthmap.txt; its ninth class, "background" for id 0, is
left out, since the data set's own paper has eight.
"""

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
    classes=tuple(replace(kind, words=()) for kind in POTSDAM.classes),
    images="top/top_mosaic_09cm_area*.tif",
    to_mask=(("top/", f"{_TRUTH}/"), (".tif", "_noBoundary.tif")),
    stems=tuple(f"top_mosaic_09cm_area{area}" for area in _VAIHINGEN),
)
"""ISPRS Potsdam and Vaihingen: aerial, 0.05 and 0.09 m, 6 classes as colours; black, the eroded borders, is ignored.

Layout: Potsdam's 2_Ortho_RGB.zip and 5_Labels_all_noBoundary.zip, Vaihingen's top folder (near infrared, red, green)
and ground_truth_eroded_COMPLETE, each unpacked into a folder of its archive's name, as mmsegmentation and SegEarth-OV
use them; models see Vaihingen's three bands as red, green, blue. Splits: the contest's test tiles. Words: SegEarth-OV
(Li et al., CVPR 2025), cls_potsdam.txt and cls_vaihingen.txt.
"""

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
"""UAVid (Lyu et al. 2020, arXiv 1810.10438): slanted drone video in 4K, 8 classes as colours.

Layout: the authors' archives uavid_{train,val,test}, seqN/{Images,Labels}. `uavid` follows SegEarth-OV (Li et al., CVPR
2025, configs/cls_uavid.txt), which joins the two kinds of car and reports the test part, whose labels came later.
`uavid-8` has all classes in the order of the authors' toolkit, for supervised models. The ground resolution varies
within slanted views.
"""

ISAID = MaskedImages(
    name="isaid",
    title="iSAID",
    page="https://captain-whu.github.io/iSAID/dataset.html",
    resolution=(0.1, 4.5),
    splits={"val": 458, "train": 1_411, "test": 937},
    classes=(
        MapClass("background", ((0, 0, 0),)),
        MapClass("ship", ((0, 0, 63),)),
        MapClass("storage tank", ((0, 63, 63),), ("store tank",)),
        MapClass("baseball diamond", ((0, 63, 0),)),
        MapClass("tennis court", ((0, 63, 127),)),
        MapClass("basketball court", ((0, 63, 191),)),
        MapClass("ground track field", ((0, 63, 255),)),
        MapClass("bridge", ((0, 127, 63),)),
        MapClass("large vehicle", ((0, 127, 127),)),
        MapClass("small vehicle", ((0, 0, 127),)),
        MapClass("helicopter", ((0, 0, 191),)),
        MapClass("swimming pool", ((0, 0, 255),)),
        MapClass("roundabout", ((0, 191, 127),)),
        MapClass("soccer field", ((0, 127, 191),), ("soccer ball field",)),
        MapClass("plane", ((0, 127, 255),)),
        MapClass("harbor", ((0, 100, 155),)),
    ),
    images="{split}/images/*.png",
    unlabelled=("test",),
    to_mask=(("/images/", "/Semantic_masks/images/"), (".png", "_instance_color_RGB.png")),
)
"""iSAID (Waqas Zamir et al. 2019, arXiv 1905.12886): DOTA's images at 0.1 to 4.5 m, 15 classes of objects as colours.

Layout: the archives of DOTA v1.0 and iSAID unpacked in place: {train,val,test}/images and
{train,val}/Semantic_masks/images; the test masks are not public. Words: SegEarth-OV (Li et al., CVPR 2025),
configs/cls_iSAID.txt; as there, background is a class.
"""

SATLAS = MaskedImages(
    name="satlas",
    title="Satlas land cover",
    page="https://github.com/allenai/satlas",
    resolution=None,
    splits={"test": None, "val": None, "train": None},
    classes=(
        MapClass("water", (1,), ("water", "river", "lake")),
        MapClass("developed", (2,), ("buildings and roads", "city", "suburb")),
        MapClass("tree", (3,), ("trees", "forest")),
        MapClass("shrub", (4,), ("shrubs", "scrub")),
        MapClass("grass", (5,), ("grass", "grassland")),
        MapClass("crop", (6,), ("farmland", "crop field")),
        MapClass("bare", (7,), ("bare ground", "sand")),
        MapClass("snow", (8,), ("snow", "ice")),
        MapClass("wetland", (9,), ("wetland", "marsh")),
        MapClass("mangroves", (10,)),
        MapClass("moss", (11,), ("moss", "tundra")),
    ),
    ignored=(0,),
    images="{split}/images/*.*",
    to_mask=(("/images/", "/land_cover/"), (".tif", ".png"), (".jpg", ".png")),
)
"""SatlasPretrain (Bastani et al. 2023, arXiv 2211.15660): Sentinel-2 and NAIP tiles of 512 px with land cover, 11
classes, ids 1 to 11, 0 = unknown.

Layout: the download has many images of each tile and its labels in static/TILE/land_cover.png, so choose an image of
each tile and arrange them as SPLIT/images/TILE.png beside SPLIT/land_cover/TILE.png. Ids: the category lists in the
public code of Satlas. Words: ours, since GRAFT's are not published.
"""
