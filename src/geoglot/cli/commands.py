"""The commands, by what a person wants to do, each with a sentence and an example for `geoglot --help`."""

from typing import NamedTuple

COMPLETION = "_GEOGLOT_COMPLETE"
"""Set by a shell that asks for completions; click derives the name from that of the program."""


class Command(NamedTuple):
    """A command of the program."""

    name: str
    does: str
    """In at most 60 characters."""
    example: str


#: What a newcomer needs first comes first
SECTIONS: dict[str, tuple[Command, ...]] = {
    "Begin": (
        Command("demo", "Map a real scene that ships inside, without a network", "geoglot demo"),
        Command("doctor", "What works on this machine, and how to get the rest", "geoglot doctor"),
        Command("help", "The pages of the docs, here in the terminal", "geoglot help train-your-own"),
    ),
    "Look at a scene, and map it by words": (
        Command("info", "Bands, place, numbers, and what a model can see", "geoglot info scene.tif"),
        Command("bands", "A picture of the bands, to choose from", "geoglot bands scene.tif"),
        Command(
            "segment", "A map of classes, with polygons and areas",
            'geoglot segment scene.tif --classes "trees, grass, road, building" -o map.tif',
        ),
        Command(
            "find", "Objects, outlined, counted and measured", 'geoglot find scene.tif "swimming pool" -o pools.gpkg'
        ),
        Command("classify", "One label for each image", 'geoglot classify photos/ --classes "airport, harbour"'),
        Command("ask", "An answer, with its evidence", 'geoglot ask scene.tif "How many houses are there?"'),
        Command("serve", "All of this on a map in the browser", "geoglot serve scene.tif"),
    ),
    "Compare dates, and measure areas": (
        Command(
            "change", "What is new, gone, more and less between dates",
            'geoglot change 2015.tif 2021.tif --classes "water, forest, building" -o change.tif',
        ),
        Command("audit", "Areas with their error, from a sample that you decide", "geoglot audit map.tif -o sample"),
    ),
    "Search many scenes": (
        Command("index", "Make an archive of scenes or pictures", "geoglot index add archive/ scenes/"),
        Command(
            "search", "Search an archive or a folder by words, pictures, places",
            'geoglot search archive/ "baseball field" --sheet fields.png',
        ),
    ),
    "Models, and your own": (
        Command("models", "Which models there are, and which are here", "geoglot models list"),
        Command("teach", "Classes of your own by labels", "geoglot teach scene.tif --labels roofs.gpkg -o roofs"),
        Command("train", "Models of your own from images, words or photos", "geoglot train init images/"),
        Command("recipes", "Recipes to copy and change", "geoglot recipes list"),
        Command("export", "A segmenter as ONNX, for other programs", "geoglot export runs/town/model -o town.onnx"),
    ),
    "Data sets, and figures": (
        Command("datasets", "Published data sets: where they are, whether they are whole", "geoglot datasets list"),
        Command(
            "evaluate", "Measure a model on a data set",
            "geoglot evaluate classification eurosat --data EuroSAT",
        ),
        Command("pairs", "Collect tiles and the photos taken inside them", "geoglot pairs collect naip.toml"),
    ),
    "The shell": (
        Command("completion", "Complete commands and flags with Tab", 'eval "$(geoglot completion bash)"'),
    ),
}  # fmt: skip
#: What each does, in this order
DOES = {command.name: command.does for section in SECTIONS.values() for command in section}
