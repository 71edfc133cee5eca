"""Jobs on maps that were made here: draw a random sample, keep what is decided, tell areas. Runs in a child."""

from pathlib import Path
from typing import Any

from geoglot.app.bodies import AuditBody, parse_body
from geoglot.app.child import Done, Report
from geoglot.app.mercator import placed
from geoglot.app.of_scenes import advance
from geoglot.errors import InputError
from geoglot.tasks.audit.audit_areas import audit_areas
from geoglot.tasks.audit.decide import decide, read_decisions
from geoglot.tasks.audit.design import DESIGN, read_design
from geoglot.tasks.audit.draw_audit import draw_audit
from geoglot.tasks.audit.pick_places import centres

SAMPLE = "sample"
"""The folder of the audit in the folder of its job."""
_MAPS = ("map.tif", "change.tif")


def do_audit(task: dict[str, Any], report: Report) -> Done:
    """Draw the places of a class map or a map of change, with their pictures."""
    body, folder = parse_body(AuditBody, task["body"]), Path(task["folder"])
    path = next((path for name in _MAPS if (path := Path(task["map"]) / name).exists()), None)
    if path is None:
        raise InputError("the map of this audit was removed; make it again")
    drawn = draw_audit(path, folder / SAMPLE, options=body.options, progress=advance(report))
    return {"places": sum(drawn.sizes), "pictures": bool(drawn.scenes), "notes": list(drawn.notes)}, b""


def read_audit(body: dict[str, Any], _: Report) -> Done:
    """The places of a sample with what was decided, and the areas that follow, or why none follow yet.

    `decisions`, if there are any, are written down before.
    """
    sample = Path(body["folder"]) / SAMPLE
    if body["decisions"]:
        decide(sample, {int(place): name for place, name in body["decisions"].items()})
    design, classes = read_design(sample / DESIGN), read_decisions(sample)
    where = zip(*placed(design.grid).to_lonlat(*centres(design.places)), strict=True)
    places = [
        {"id": place.id, "lon": float(lon), "lat": float(lat), "class": classes.get(place.id, "")}
        for place, (lon, lat) in zip(design.places, where, strict=True)
    ]
    document: dict[str, Any] = {"names": list(design.names), "places": places, "found": None, "why": ""}
    try:
        document["found"] = audit_areas(sample).to_json()
    except InputError as error:
        document["why"] = str(error)
    return document, b""
