from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from geoglot.cli.main import cli
from notebooks import HOSTILE
from notebooks import Page as Seen
from scenes import plant
from worlds import write_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", plant((96, 96), [("forest", 40, 40, 12)]).pixels)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def test_a_map_comes_with_a_report_whatever_its_classes_are_called(scene: Path, tmp_path: Path) -> None:
    report, words = tmp_path / "run.html", tmp_path / "words.json"
    words.write_text(json.dumps({HOSTILE: ["roof"], "trees": ["trees"]}))
    output = ["-o", tmp_path / "map.tif", "--report", report]
    done = run("segment", scene, "--classes", words, *output, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["report"] == str(report)
    seen = Seen(report.read_text().partition("<body>")[2].partition("</body>")[0])
    assert HOSTILE in seen.text and "map.tif.aux.xml" in seen.text and len(seen.pictures) == 1
    again = run("segment", scene, "--classes", words, *output)
    assert again.exit_code == 0 and f"report    {report}" in again.stdout


def test_a_question_and_a_search_have_reports_too(scene: Path, tmp_path: Path) -> None:
    asked = run("ask", scene, "How many roofs are there?", "--report", tmp_path / "ask.html")
    found = run("find", scene, "roof", "--report", tmp_path / "find.html")
    assert asked.exit_code == found.exit_code == 0, asked.output + found.output
    for name, said in (("ask.html", "How many roofs are there?"), ("find.html", "roof")):
        seen = Seen((tmp_path / name).read_text().partition("<body>")[2].partition("</body>")[0])
        assert said in seen.text and seen.pictures


@pytest.mark.parametrize("name", ["run.pdf", "gone/run.html", "mine.html"])
def test_a_report_that_cannot_be_written_is_refused_before_any_work(scene: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.html").write_text("mine")
    done = run("segment", scene, "--classes", "roof, trees", "-o", tmp_path / "map.tif", "--report", tmp_path / name)
    assert done.exit_code in (1, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.html"]
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_a_batch_has_one_report_with_all_scenes_and_a_table_at_the_end(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    for name in ("a.tif", "b.tif"):
        (tmp_path / "scenes" / name).write_bytes(scene.read_bytes())
    (tmp_path / "scenes/<b>oops.tif").write_text("no raster")
    report = tmp_path / "batch.html"
    for state in ("done", "there"):  # the second run continues the first, and its report replaces it
        done = run("find", tmp_path / "scenes", "roof", "-o", tmp_path / "found", "--report", report)
        assert done.exit_code == 3 and f"report    {report}" in done.stdout, done.output
        seen = Seen(report.read_text().partition("<body>")[2].partition("</body>")[0])
        assert f"find over 3 scenes: 2 {state}, 1 failed" in seen.text and "cannot be opened" in seen.text
        assert len(seen.pictures) == 2 and "<b>oops" in seen.text and "a.manifest.json" in seen.text
        assert seen.text.index(f"a: {state}") < seen.text.index(f"b: {state}") < seen.text.index("All scenes")
