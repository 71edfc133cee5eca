"""iSAID (Waqas Zamir et al. 2019, arXiv 1905.12886): DOTA's images at 0.1 to 4.5 m, 15 classes of objects as colours.

Layout: the archives of DOTA v1.0 and iSAID unpacked in place: {train,val,test}/images and
{train,val}/Semantic_masks/images; the test masks are not public. Words: SegEarth-OV (Li et al., CVPR 2025),
configs/cls_iSAID.txt; as there, background is a class.
"""

from geoglot.datasets.classes import MapClass
from geoglot.datasets.layout import MaskedImages

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
