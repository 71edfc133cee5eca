from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.errors import InputError, OutputError, SourceError
from geoglot.outputs.made import Made
from geoglot.outputs.notebook.as_report import write_report
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.notebook.shown import Shown, ShownOnMap
from notebooks import HOSTILE
from notebooks import Page as Seen

RED = (200, 30, 30)


def image(side: int = 20) -> Image.Image:
    return Image.fromarray(np.full((side, side, 3), 90, np.uint8))


class Result(ShownOnMap):
    """A result whose names and files a test gives."""

    def __init__(self, name: str = "water", files: dict[str, object] | None = None, gone: bool = False) -> None:
        self.name, self.files, self.gone = name, files or {}, gone

    def page(self) -> Page:
        table = Table(("class", "area"), [(self.name, "3 ha")] * 90, [RED] * 90)
        return Page(self.name, [table], [self.name] * 30, self.files, {"program": self.name})

    def draw(self) -> Drawing:
        if self.gone:
            raise SourceError("the scene is gone")
        return Drawing([Picture(self.name, image(), None)], Picture(self.name, image(), None), [(RED, self.name)])


def test_one_file_has_everything_and_asks_for_nothing(tmp_path: Path) -> None:
    path = Result().report(tmp_path / "run.html")
    text = path.read_text()
    seen = Seen(text.partition("<body>")[2].partition("</body>")[0])
    assert seen.text.count("3 ha") == 90 and seen.text.count("water") > 120 and len(seen.pictures) == 2
    assert "default-src 'none'" in text and "<script" not in text
    assert "href" not in text and "http://" not in text and "https://" not in text


def test_hostile_names_are_text(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    manifest = folder / "map.manifest.json"
    manifest.write_text(json.dumps({"run": {HOSTILE: {"options": [HOSTILE], "uri": HOSTILE}}}))
    text = Result(HOSTILE, {"manifest": manifest, HOSTILE: HOSTILE}).report(tmp_path / "run.html").read_text()
    body = text.partition("<body>")[2].partition("</body>")[0]
    seen = Seen(body)
    assert seen.text.count(HOSTILE) > 120
    assert HOSTILE not in text.partition("<body>")[0]


def test_the_picture_and_the_manifest_of_the_run_are_shown(tmp_path: Path) -> None:
    output, picture = tmp_path / "map.tif", tmp_path / "map.overlay.png"
    made = Made("segment", output, [picture])
    made.start("the-run", False)
    with made.writing(output) as draft:
        draft.write_bytes(b"pixels")
    with made.writing(picture) as draft:
        image(60).save(draft, "PNG")
    made.finish({"run": {"model": {"name": "mini", "sha256": "abc"}, "geoglot": "0.9"}})
    files: dict[str, object] = {"picture": picture, "manifest": made.record}
    seen = Seen(Result("water", files, gone=True).report(tmp_path / "run.html").read_text().partition("<body>")[2])
    [shown] = seen.pictures
    with Image.open(BytesIO(base64.b64decode(shown.partition(",")[2]))) as opened:
        assert opened.size == (60, 60)
    for part in ("map.overlay.png", "the-run", "model.sha256", "abc", "map.tif", "geoglot"):
        assert part in seen.text


def test_why_there_is_no_picture_is_said(tmp_path: Path) -> None:
    seen = Seen(Result(gone=True).report(tmp_path / "run.html").read_text().partition("<body>")[2])
    assert not seen.pictures and "the scene is gone" in seen.text


def test_the_same_report_again_is_no_change_and_another_one_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    first = Result().report(path).read_bytes()
    assert Result().report(path).read_bytes() == first
    with pytest.raises(OutputError, match="--overwrite"):
        Result("forest").report(path)
    assert path.read_bytes() == first
    assert b"forest" in Result("forest").report(path, overwrite=True).read_bytes()
    path.write_text("mine")
    with pytest.raises(OutputError, match="another program"):
        Result().report(path, overwrite=True)
    with pytest.raises(InputError, match=r"\.html"):
        Result().report(tmp_path / "run.pdf")


def test_several_results_stand_in_one_report(tmp_path: Path) -> None:
    class Words(Shown):
        def page(self) -> Page:
            return Page("only words")

    seen = Seen(write_report([Words(), Result("forest")], tmp_path / "run.html").read_text().partition("<body>")[2])
    assert "only words" in seen.text and "forest" in seen.text and len(seen.pictures) == 2


class Told(Result):
    """A result with a document."""

    def to_json(self) -> dict[str, object]:
        return {"names": (self.name,), "seconds": 2.0, "files": self.files}


def test_what_another_run_wrote_since_is_not_shown_as_the_result(tmp_path: Path) -> None:
    manifest, picture = tmp_path / "map.manifest.json", tmp_path / "map.overlay.png"
    image(30).save(picture)
    result = Told("water", {"manifest": manifest, "picture": picture})

    def report(**document: object) -> Seen:
        manifest.write_text(json.dumps({"seconds": 1.0, **document, "run": {"sha256": "of the model"}}))
        text = result.report(tmp_path / "run.html", overwrite=True).read_text()
        return Seen(text.partition("<body>")[2].partition("</body>")[0])

    same, other = report(names=["water"]), report(names=["roof"])
    assert len(same.pictures) == 1 and "of the model" in same.text
    assert len(other.pictures) == 2 and "of the model" not in other.text  # drawn anew
    assert "map.manifest.json was written again since" in other.text
