"""EuroSAT (Helber et al. 2019): Sentinel-2, 64 px at 10 m, 10 classes. Layout: EuroSAT.zip, EuroSAT_RGB.zip.

The folders are those of the authors' archives; the lists eurosat-{train,val,test}.txt (16,200, 5,400 and 5,400 names)
are those that torchgeo publishes (Neumann et al. 2019, arXiv 1911.06721). CrossSO measures GRAFT on the val list.
"""

from geoglot.datasets.layout import FolderPerClass

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
