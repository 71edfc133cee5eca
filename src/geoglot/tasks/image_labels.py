"""The labels of images and windows, and their JSON document."""

from dataclasses import asdict, dataclass, field
from typing import Any

from geoglot.geo import Window
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.stream import describe_failure
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow
from geoglot.tasks.labels_page import draw_labels, page_of_labels

#: West, south, east, north in degrees
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """The class of an image or a window."""

    source: str
    window: Window | None
    """In pixels of the grid that was read; None is the whole source."""
    label: str
    probability: float
    probabilities: dict[str, float]
    """By class; of more than 1,000 classes those of the most probable 1,000, the highest first."""
    present: bool | None = None
    """Whether the image shows the label at all; None without calibration, or if `why` is given."""
    bounds: Bounds | None = None
    """West, south, east, north in degrees; None without a CRS."""
    why: str | None = None
    """Why the label is not to be trusted: these pixels cannot show its class, or the model does not know them."""


@dataclass
class Labels(ShownOnMap):
    """All labels, and the sources and windows that failed."""

    model: str
    results: list[Label] = field(default_factory=list)
    failed: list[tuple[str, FailedWindow]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    """Sentences on words that the model reads badly, and on how sources were read."""
    rasters: dict[str, Raster] = field(default_factory=dict, repr=False, compare=False)
    """The first sources as they were read, closed, to be shown."""

    def page(self) -> Page:
        return page_of_labels(self)

    def draw(self) -> Drawing:
        return draw_labels(self)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot classify --json`."""
        results = [_document(label) for label in self.results]
        failed = [{"source": source, **describe_failure(window)} for source, window in self.failed]
        return {"model": self.model, "results": results, "failed": failed, "notes": list(self.notes)}


def _document(label: Label) -> dict[str, Any]:
    """A label as JSON; only one that is not to be trusted has a "why"."""
    document = asdict(label) | {"window": list(label.window) if label.window else None}
    return document if label.why else {key: value for key, value in document.items() if key != "why"}
