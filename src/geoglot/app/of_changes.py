"""Jobs on several dates of one place: what changed, by words. Runs in a child."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from geoglot.app.bodies import ChangeBody, names_of, parse_body
from geoglot.app.child import Done, Report
from geoglot.app.of_areas import write_area
from geoglot.app.of_scenes import advance, colours_of, dense_model
from geoglot.scene.dense import model_of
from geoglot.tasks.change.change import change


def do_change(task: dict[str, Any], report: Report) -> Done:
    """Compare dates; the polygons, the table and the map of changes lie in the folder of the job."""
    body, folder = parse_body(ChangeBody, task["body"]), Path(task["folder"])
    result = change(
        task["sources"], names_of(body.words), folder / "change.tif", model=model_of(dense_model(*task["model"])),
        polygons=folder / "change.geojson", table=folder / "change.csv", read=body.read,
        options=replace(body.options, area=write_area(body.area, folder)), overwrite=True, progress=advance(report),
    )  # fmt: skip
    names = ("change.tif", "change.geojson", "change.csv", "change.overlay.png", "change.chart.png")
    files = [name for name in names if (folder / name).exists()]
    document = result.to_json() | {"outputs": {}, "files": files}
    shown = [each["name"] for each in document["classes"]]
    for each, colour in zip(document["classes"], colours_of(shown), strict=True):
        each["color"] = colour
    return document, b""
