"""PatternNet (Zhou et al. 2018): Google Earth, 256 px at 0.06 to 4.7 m, 38 classes of 800. Layout: PatternNet.zip."""

from geoglot.datasets.layout import FolderPerClass

_FOLDERS = """airplane baseball_field basketball_court beach bridge cemetery chaparral christmas_tree_farm closed_road
coastal_mansion crosswalk dense_residential ferry_terminal football_field forest freeway golf_course harbor intersection
mobile_home_park nursing_home oil_gas_field oil_well overpass parking_lot parking_space railway river runway
runway_marking shipping_yard solar_panel sparse_residential storage_tank swimming_pool tennis_court transformer_station
wastewater_treatment_plant"""

PATTERNNET = FolderPerClass(
    name="patternnet",
    title="PatternNet",
    page="https://sites.google.com/view/zhouwx/dataset",
    resolution=(0.062, 4.693),
    splits={"all": 30_400, "skyscript": None},
    roots=("PatternNet/images", "images", "."),
    words={folder: folder.replace("_", " ") for folder in _FOLDERS.split()},
    lists={"skyscript": "img_txt_pairs_train.csv"},
)
