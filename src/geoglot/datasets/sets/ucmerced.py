"""UC Merced Land Use (Yang and Newsam 2010): USGS, 256 px at 0.3 m, 21 classes of 100. Layout: its archive."""

from geoglot.datasets.layout import FolderPerClass

UCMERCED = FolderPerClass(
    name="ucmerced",
    title="UC Merced Land Use",
    page="http://weegee.vision.ucmerced.edu/datasets/landuse.html",
    resolution=(0.3, 0.3),
    splits={"all": 2_100},
    roots=("UCMerced_LandUse/Images", "Images", "."),
    words={
        "agricultural": "agricultural land",
        "airplane": "airplane",
        "baseballdiamond": "baseball diamond",
        "beach": "beach",
        "buildings": "buildings",
        "chaparral": "chaparral",
        "denseresidential": "dense residential",
        "forest": "forest",
        "freeway": "freeway",
        "golfcourse": "golf course",
        "harbor": "harbor",
        "intersection": "intersection",
        "mediumresidential": "medium residential",
        "mobilehomepark": "mobile home park",
        "overpass": "overpass",
        "parkinglot": "parking lot",
        "river": "river",
        "runway": "runway",
        "sparseresidential": "sparse residential",
        "storagetanks": "storage tanks",
        "tenniscourt": "tennis court",
    },
)
