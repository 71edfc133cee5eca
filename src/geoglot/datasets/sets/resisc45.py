"""NWPU-RESISC45 (Cheng et al. 2017): Google Earth, 256 px at 0.2 to 30 m, 45 classes of 700. Layout: its archive."""

from geoglot.datasets.layout import FolderPerClass

_FOLDERS = """airplane airport baseball_diamond basketball_court beach bridge chaparral church circular_farmland cloud
commercial_area dense_residential desert forest freeway golf_course ground_track_field harbor industrial_area
intersection island lake meadow medium_residential mobile_home_park mountain overpass palace parking_lot railway
railway_station rectangular_farmland river roundabout runway sea_ice ship snowberg sparse_residential stadium
storage_tank tennis_court terrace thermal_power_station wetland"""

RESISC45 = FolderPerClass(
    name="resisc45",
    title="NWPU-RESISC45",
    page="https://gcheng-nwpu.github.io/#Datasets",
    resolution=(0.2, 30.0),
    splits={"all": 31_500, "skyscript": None},
    roots=("NWPU-RESISC45", "."),
    words={folder: folder.replace("_", " ") for folder in _FOLDERS.split()},
    lists={"skyscript": "img_txt_pairs_train.csv"},
)
