"""Scene classification sets with one folder of images per class; the source of each is below it."""

import re

from geoglot.datasets.layout import FolderPerClass

_AID = """Airport BareLand BaseballField Beach Bridge Center Church Commercial DenseResidential Desert Farmland
Forest Industrial Meadow MediumResidential Mountain Park Parking Playground Pond Port RailwayStation Resort River School
SparseResidential Square Stadium StorageTanks Viaduct"""
_PATTERNNET = """airplane baseball_field basketball_court beach bridge cemetery chaparral christmas_tree_farm
closed_road coastal_mansion crosswalk dense_residential ferry_terminal football_field forest freeway golf_course harbor
intersection mobile_home_park nursing_home oil_gas_field oil_well overpass parking_lot parking_space railway river
runway runway_marking shipping_yard solar_panel sparse_residential storage_tank swimming_pool tennis_court
transformer_station wastewater_treatment_plant"""
_RESISC45 = """airplane airport baseball_diamond basketball_court beach bridge chaparral church circular_farmland cloud
commercial_area dense_residential desert forest freeway golf_course ground_track_field harbor industrial_area
intersection island lake meadow medium_residential mobile_home_park mountain overpass palace parking_lot railway
railway_station rectangular_farmland river roundabout runway sea_ice ship snowberg sparse_residential stadium
storage_tank tennis_court terrace thermal_power_station wetland"""
_UCMERCED = """airplane, baseball diamond, beach, buildings, chaparral, dense residential, forest, freeway, golf course,
harbor, intersection, medium residential, mobile home park, overpass, parking lot, river, runway, sparse residential,
storage tanks, tennis court"""

AID = FolderPerClass(
    name="aid",
    title="AID",
    page="https://captain-whu.github.io/AID/",
    resolution=(0.5, 8.0),
    splits={"all": 10_000, "skyscript": None},
    roots=("AID", "."),
    words={folder: re.sub("(?<=[a-z])(?=[A-Z])", " ", folder).lower() for folder in _AID.split()},
    lists={"skyscript": "aid_img_txt_pairs_test.csv"},
)
"""AID (Xia et al. 2017): Google Earth, 600 px at 0.5 to 8 m, 30 classes, 10,000 images. Layout: AID.zip."""

EUROSAT = FolderPerClass(
    name="eurosat",
    title="EuroSAT",
    page="https://github.com/phelber/EuroSAT",
    resolution=(10.0, 10.0),
    splits={"all": 27_000, "train": 16_200, "val": 5_400, "test": 5_400, "skyscript": None},
    roots=("2750", "EuroSAT_RGB", "."),
    words={
        "AnnualCrop": "annual crop land",
        "Forest": "forest",
        "HerbaceousVegetation": "herbaceous vegetation",
        "Highway": "highway or road",
        "Industrial": "industrial buildings",
        "Pasture": "pasture land",
        "PermanentCrop": "permanent crop land",
        "Residential": "residential buildings",
        "River": "river",
        "SeaLake": "sea or lake",
    },
    lists={
        "train": "eurosat-train.txt",
        "val": "eurosat-val.txt",
        "test": "eurosat-test.txt",
        "skyscript": "eurosat_img_txt_pairs_test.csv",
    },
    lists_page="the splits of torchgeo, https://github.com/torchgeo/torchgeo (datasets/eurosat.py)",
)
"""EuroSAT (Helber et al. 2019): Sentinel-2, 64 px at 10 m, 10 classes. Layout: EuroSAT.zip, EuroSAT_RGB.zip.

torchgeo publishes the lists of train, val and test (Neumann et al. 2019, arXiv 1911.06721). CrossSO measures GRAFT on
val.
"""

PATTERNNET = FolderPerClass(
    name="patternnet",
    title="PatternNet",
    page="https://sites.google.com/view/zhouwx/dataset",
    resolution=(0.062, 4.693),
    splits={"all": 30_400, "skyscript": None},
    roots=("PatternNet/images", "images", "."),
    words={folder: folder.replace("_", " ") for folder in _PATTERNNET.split()},
    lists={"skyscript": "img_txt_pairs_train.csv"},
)
"""PatternNet (Zhou et al. 2018): Google Earth, 256 px at 0.06 to 4.7 m, 38 classes of 800. Layout: PatternNet.zip."""

RESISC45 = FolderPerClass(
    name="resisc45",
    title="NWPU-RESISC45",
    page="https://gcheng-nwpu.github.io/#Datasets",
    resolution=(0.2, 30.0),
    splits={"all": 31_500, "skyscript": None},
    roots=("NWPU-RESISC45", "."),
    words={folder: folder.replace("_", " ") for folder in _RESISC45.split()},
    lists={"skyscript": "img_txt_pairs_train.csv"},
)
"""NWPU-RESISC45 (Cheng et al. 2017): Google Earth, 256 px at 0.2 to 30 m, 45 classes of 700. Layout: its archive."""

UCMERCED = FolderPerClass(
    name="ucmerced",
    title="UC Merced Land Use",
    page="http://weegee.vision.ucmerced.edu/datasets/landuse.html",
    resolution=(0.3, 0.3),
    splits={"all": 2_100},
    roots=("UCMerced_LandUse/Images", "Images", "."),
    words={"agricultural": "agricultural land"}
    | {word.replace(" ", ""): word for word in " ".join(_UCMERCED.split()).split(", ")},
)
"""UC Merced Land Use (Yang and Newsam 2010): USGS, 256 px at 0.3 m, 21 classes of 100. Layout: its archive."""
