"""Jobs on labels: teach classes by what was clicked and drawn. Runs in a child."""

from pathlib import Path
from typing import Any

from geoglot.app.bodies import TeachBody, parse_body
from geoglot.app.child import Done, Report
from geoglot.app.of_scenes import advance, dense_model, write_features
from geoglot.scene.dense import model_of
from geoglot.training.teach.teach import teach


def do_teach(task: dict[str, Any], report: Report) -> Done:
    """Teach a model by labels, into its folder; taught again with all labels, it is replaced."""
    body, labels = parse_body(TeachBody, task["body"]), Path(task["folder"]) / "labels.geojson"
    write_features(body.labels, labels)
    model = model_of(dense_model(*task["model"]))
    result = teach(task["source"], labels, task["output"], model=model, class_column="class", read=body.read,
                   progress=advance(report))  # fmt: skip
    return result.to_json() | {"model": body.name, "base": result.model}, b""
