"""Jobs on labels: teach classes by what was clicked and drawn. Runs in a child."""

from pathlib import Path
from typing import Any

from geoglot.app.bodies import TeachBody, parse_body
from geoglot.app.child import Done, Report
from geoglot.app.of_scenes import advance, write_features
from geoglot.training.teach.teach import teach


def do_teach(task: dict[str, Any], report: Report) -> Done:
    """Teach a model by labels, into its folder; taught again with all labels, it is replaced."""
    body, labels = parse_body("teach", task["body"]), Path(task["folder"]) / "labels.geojson"
    assert isinstance(body, TeachBody)
    write_features(body.labels, labels)
    result = teach(task["source"], labels, task["output"], model=task["model"][0], class_column="class",
                   read=body.read, progress=advance(report))  # fmt: skip
    return result.to_json() | {"model": body.name, "base": result.model}, b""
