"""What a user may decide about each door, said once: command line, Python and recipes are made from these dataclasses.

A field with a text in its annotation is a flag of the command line, and the text is its help. Nothing heavy is imported
here, so that `--help` answers at once.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from geoglot.aliases import BandLike, NoData, PathLike, Sensor
from geoglot.bounds import check_bounds
from geoglot.errors import InputError

#: Averaged for every word. GRAFT's later users write "A satellite image of {}"; SkyScript's protocol the first two.
TEMPLATES: tuple[str, ...] = (
    "a satellite photo of {}",
    "a satellite image of {}",
    "an aerial photo of {}",
    "an aerial view of {}",
    "a remote sensing image of {}",
    "there is {} in the image",
)

Flips = Literal["none", "horizontal", "all"]
"""horizontal: left to right, for pictures that have an up and a down; all: also upside down, for views from above."""

RefinerName = Literal["none", "edges", "sam"]
Architecture = Literal["light", "segclip"]
"""Of a student that learns from words: light is EfficientNet-Lite0 with a small decoder; segclip reads text prompts."""
Task = Literal["classification", "retrieval", "segmentation", "vqa"]
"""What a data set can measure."""

EvidenceOption = Annotated[
    Literal["words", "words+bands"],
    "Decide words such as water or forest by the words alone, or together with the near infrared and beyond.",
]
Area = Annotated[PathLike | None, "File of polygons. What lies outside does not count, and is not computed."]
Templates = Annotated[tuple[str, ...], "Sentence with {} for the class; may be repeated."]
FlipsOption = Annotated[Flips, "Average over mirrored windows: 2 or 4 times the work."]
Scales = Annotated[tuple[float, ...], "Average over windows of these sizes, such as 0.75,1,1.25."]


@dataclass(frozen=True)
class ReadOptions:
    """How a scene is read and shown to a model. None lets the file or the model decide."""

    bands: Annotated[
        tuple[BandLike, ...] | None, 'Red, green, blue, then any more that the model sees: "B4,B3,B2" or "4,3,2".'
    ] = None
    sensor: Annotated[Sensor | None, "Preset of bands, offset and scale."] = None
    nodata: Annotated[NoData, 'The stored number that means no data, or "none" if every number is data.'] = None
    resolution: Annotated[float | None, "Metres per pixel to read at. Default: what the model understands.", Gt(0)] = (
        None
    )
    tile: Annotated[
        int | None, "Side in pixels of what is computed at once; of a window, with an overlap.", Ge(1), Le(65536)
    ] = None
    overlap: Annotated[
        int | None, "Pixels that neighbouring windows share. Default: the model decides windows.", Ge(0), Le(65536)
    ] = None
    batch: Annotated[int, "Windows that the model computes at once.", Ge(1), Le(65536)] = 8

    def __post_init__(self) -> None:
        check_bounds(self)

    def facts(self) -> dict[str, Any]:
        """Everything that decides what is read. How much is computed at once does not."""
        at_once = {"batch"} if self.overlap is not None else {"batch", "tile"}
        return {key: value for key, value in asdict(self).items() if key not in at_once}

    def at_once(self, side: int) -> int:
        """How many windows of a side in pixels are computed at once: as many as `batch` tiles hold, at least one."""
        return max(1, int(self.batch * ((self.tile or side) / side) ** 2))


@dataclass(frozen=True)
class WordsOptions:
    """What a user may decide about a student of words, beside scenes and classes; all else is edited in its recipe."""

    background: Annotated[str, "Words for everything that is none of the classes."] = ""
    student: Annotated[Architecture, "light: for laptops, any bands; segclip: its classes take other words later."] = (
        "light"
    )
    teacher: Annotated[str, "A model that reads words, or that geoglot teach made."] = "mini"
    area: Area = None


@dataclass(frozen=True)
class SegmentOptions:
    """What a user may decide about a segmentation, beside classes, model and refiner."""

    background: Annotated[
        str | tuple[str, ...], 'Words for everything that is none of the classes; it becomes "other".'
    ] = ()
    threshold: Annotated[float, 'A pixel becomes "other" below this probability of its class.', Ge(0), Lt(1)] = 0.0
    templates: Templates = TEMPLATES
    flips: FlipsOption = "none"
    scales: Scales = (1.0,)
    evidence: EvidenceOption = "words+bands"
    area: Area = None
    scores: Annotated[bool, "Also write the probability of every class, one band each, one value per patch."] = False
    overlay: bool = True
    """Also write a picture, a PNG."""

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True)
class FindOptions:
    """What a user may decide about finding, beside names, model and refiner."""

    background: Annotated[
        str | tuple[str, ...] | None, "Words that the names compete with. Default: general words of other meaning."
    ] = None
    min_score: Annotated[
        float | None, "Least score that an object reaches somewhere. Default: chosen from the scene.", Gt(0), Lt(1)
    ] = None
    min_area: Annotated[float | None, "Least area of an object in m². The scene must have a CRS.", Ge(0)] = None
    max_area: Annotated[float | None, "Largest area of an object in m².", Gt(0)] = None
    points: Annotated[
        PathLike | None, 'File of points or boxes to outline, instead of names; a column "name" names them.'
    ] = None
    area: Annotated[
        PathLike | None, "File of polygons. Windows outside are not computed, objects centred outside are left out."
    ] = None
    templates: Templates = TEMPLATES
    evidence: EvidenceOption = "words+bands"
    vectors: Annotated[
        PathLike | None, "Folder that keeps the embeddings, so that later questions about the scene need no model."
    ] = None
    overlay: bool = True
    """Also write a picture, a PNG."""

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.max_area is not None and self.max_area <= (self.min_area or 0):
            raise InputError(f"max_area must be above min_area {self.min_area:g}, got {self.max_area:g}")


@dataclass(frozen=True)
class ChangeOptions:
    """What a user may decide about a comparison of dates, beside classes and model."""

    background: Annotated[
        str | tuple[str, ...] | None, "Words that the classes compete with. Default: general words of other meaning."
    ] = None
    min_area: Annotated[float | None, "Least area of a change in m². Default: what can be told from noise.", Ge(0)] = (
        None
    )
    area: Area = None
    templates: Templates = TEMPLATES
    evidence: EvidenceOption = "words+bands"
    by_class: Annotated[bool, "Also a map for each class: where it stays, where it is gained, where it is lost."] = (
        False
    )
    overlay: bool = True
    """Also write a picture of the change and a chart of the areas."""

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True)
class ClassifyOptions:
    """What a user may decide about a classification, beside classes and model."""

    windows: Annotated[
        bool | None, "One label per window, or one per source. Default: windows for rasters with a CRS."
    ] = None
    area: Annotated[PathLike | None, "File of polygons. Windows and images that touch none get no label."] = None
    templates: Templates = TEMPLATES

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True)
class RefineOptions:
    """How outlines are refined."""

    refine: Annotated[RefinerName, "Outlines by the scores alone, along edges of the picture, or by SAM."] = "none"
    sam: Annotated[str | None, "SAM's weights: a folder, or a model of the hub such as facebook/sam-vit-base."] = None
    sam_points: Annotated[int, "Points on an object that SAM is given.", Ge(1)] = 3
    sam_negatives: Annotated[int, "Points beside an object that SAM is given.", Ge(0)] = 0
    sam_box: Annotated[bool, "Also give SAM the box around an object."] = False

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True)
class IndexOptions:
    """How imagery is cut into the chips of an archive."""

    scale: Annotated[str, 'Sides of chips on the ground, such as "224m,896m". Default: one that fits each scene.'] = (
        "auto"
    )
    patches: Annotated[bool, "Keep a vector of every patch too, which takes 200 times the space with mini."] = False
    least: Annotated[float, "Least share of a chip that must have data, of what lies in its scene.", Gt(0), Le(1)] = 0.5
    area: Annotated[PathLike | None, "File of polygons. Chips that touch none are left out."] = None

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True)
class SearchOptions:
    """Which chips of an archive count, and how many hits are wanted."""

    top: Annotated[int, "Hits, one a place.", Ge(1), Le(10_000)] = 12
    bbox: Annotated[
        tuple[float, ...] | None, "West,south,east,north in degrees; west > east across the antimeridian."
    ] = None
    area: Annotated[PathLike | None, "Vector file of an area of interest: chips that touch it count."] = None
    after: Annotated[str | None, "First day, such as 2024-05-01."] = None
    before: Annotated[str | None, "Last day."] = None
    where: Annotated[str | None, "Condition on columns, such as \"cloud < 0.1 and source like '%2024%'\"."] = None

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.bbox is not None and len(self.bbox) != 4:
            raise InputError(f"bbox must be west,south,east,north, got {len(self.bbox)} numbers")


@dataclass(frozen=True)
class AuditOptions:
    """How the places of an audit are drawn."""

    precision: Annotated[
        float,
        "Wished half-width of the 95 % interval of the overall accuracy and, as a share of the map, of every area.",
        Gt(0),
        Lt(0.5),
    ] = 0.05
    size: Annotated[int | None, "Places in all, in place of a precision.", Ge(1), Le(100_000)] = None
    expected: Annotated[
        float, "How much of a class is right, as you expect: 0.9 is nine pixels of ten.", Ge(0.5), Lt(1)
    ] = 0.85
    least: Annotated[int, "Least places in each class; a smaller class is decided whole.", Ge(1), Le(10_000)] = 25
    area: Area = None
    seed: Annotated[int, "Another number draws other places.", Ge(0)] = 0

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True)
class EvaluateOptions:
    """What a user may decide about a measurement, beside task, data set, model and protocol. The result names all."""

    split: Annotated[str | None, "Another split than the protocol's."] = None
    ensemble: Annotated[bool, "Average the protocol's many sentences per class instead of its few."] = False
    calibrate: Annotated[bool, "Centre the scores of each class over the set; classification only."] = False
    transductive: Annotated[bool, "Label all images together, as RS-TransCLIP does; classification only."] = False
    limit: Annotated[int | None, "Only this many images, spread evenly over the split.", Ge(1)] = None
    flips: FlipsOption = "none"
    scales: Scales = (1.0,)
    batch: Annotated[int, "Images or windows that the model computes at once.", Ge(1), Le(65536)] = 16
    device: str | None = None
    """Where a model given by its name is put; None is GEOGLOT_DEVICE, or auto."""

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True)
class ProbeOptions:
    """What a user may decide about a probe of image vectors, beside data set, model and protocol."""

    split: Annotated[str | None, "Split to measure on. Default: test, or else val, or else the first one."] = None
    train: Annotated[str | None, "Split to learn from. Default: train, or else half of each class of --split."] = None
    shots: Annotated[tuple[int, ...], "Labelled images of each class, such as 1,4,16."] = (1, 4, 16)
    draws: Annotated[int, "How often few images are drawn.", Ge(1), Le(1000)] = 10
    neighbours: Annotated[int, "Nearest images that vote.", Ge(1), Le(10_000)] = 20
    seed: Annotated[int, "Another number draws other images.", Ge(0)] = 0
    limit: Annotated[int | None, "Only this many images of each split, spread evenly.", Ge(1)] = None
    batch: Annotated[int, "Images that the model computes at once.", Ge(1), Le(65536)] = 16
    device: str | None = None
    """Where a model given by its name is put; None is GEOGLOT_DEVICE, or auto."""

    def __post_init__(self) -> None:
        check_bounds(self)
        if any(each < 1 for each in self.shots):
            raise InputError(f"shots must be 1 or more, got {min(self.shots)}")
