from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import appears
from geoglot.outputs.made import Made, beside, named_by
from geoglot.outputs.own import hidden_path


def make(output: Path, run: str, files: dict[Path, bytes], overwrite: bool = False, door: str = "segment") -> Made:
    """One run of a door that writes these bytes."""
    made = Made(door, output, [path for path in files if path != output])
    made.check()
    made.start(run, overwrite)
    for path, content in files.items():
        with made.writing(path) as draft:
            draft.write_bytes(content)
    made.finish({"what": "a test"})
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_result_is_replaced_by_the_same_run_or_when_that_is_asked(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    make(output, "run-a", {output: b"one"})
    make(output, "run-a", {output: b"one"})
    with pytest.raises(OutputError, match="--overwrite"):
        make(output, "run-b", {output: b"two"})
    assert output.read_bytes() == b"one"
    make(output, "run-b", {output: b"two"}, overwrite=True)
    assert output.read_bytes() == b"two"
    assert sorted(contents(tmp_path)) == ["map.manifest.json", "map.tif"]


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("name", ["map.tif", "map.overlay.png", "map.tif.aux.xml", "map.tif.ovr", "map.tif.msk"])
def test_what_others_made_or_changed_is_never_replaced(tmp_path: Path, name: str, overwrite: bool) -> None:
    output, picture = tmp_path / "map.tif", tmp_path / "map.overlay.png"
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(OutputError, match="move it away"):
        make(output, "run-a", {output: b"one", picture: b"look"}, overwrite)
    assert contents(tmp_path) == {name: b"mine"}
    (tmp_path / name).unlink()
    make(output, "run-a", {output: b"one", picture: b"look"}, overwrite)
    (tmp_path / name).write_bytes(b"two")  # changed by a person since, to as many bytes
    with pytest.raises(OutputError, match="move it away"):
        make(output, "run-a", {output: b"one", picture: b"look"}, overwrite)
    assert (tmp_path / name).read_bytes() == b"two"


def test_a_record_that_was_changed_proves_nothing(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    made = make(output, "run-a", {output: b"one"})
    record = json.loads(made.record.read_text())
    output.write_bytes(b"mine")
    record["made"]["files"][0] |= {"bytes": 4, "sha256": "0" * 64}
    made.record.write_text(json.dumps(record))
    with pytest.raises(OutputError, match="move it away"):
        make(output, "run-a", {output: b"two"}, overwrite=True)
    assert output.read_bytes() == b"mine"


def test_two_results_of_one_stem_keep_their_records(tmp_path: Path) -> None:
    for name, door in (("town.tif", "segment"), ("town.gpkg", "find"), ("town.parquet", "find")):
        make(tmp_path / name, "run", {tmp_path / name: door.encode()}, door=door)
    first = contents(tmp_path)
    assert {"town.manifest.json", "town.gpkg.manifest.json", "town.parquet.manifest.json"} < set(first)
    for name, door in (("town.parquet", "find"), ("town.tif", "segment"), ("town.gpkg", "find")):
        make(tmp_path / name, "run", {tmp_path / name: door.encode()}, door=door)
    assert contents(tmp_path) == first
    (tmp_path / "town.manifest.json").unlink()  # a record that was there under the whole name stays the record
    assert named_by("find", tmp_path / "town.gpkg") == tmp_path / "town.gpkg"


def test_a_run_that_is_killed_while_it_writes_knows_what_it_made(tmp_path: Path) -> None:
    output, picture = tmp_path / "map.tif", tmp_path / "map.overlay.png"
    make(output, "run-a", {output: b"old", picture: b"old"})
    made = Made("segment", output, [picture])
    made.start("run-b", overwrite=True)
    with made.writing(output) as draft:
        draft.write_bytes(b"new")
    assert (
        not made.record.exists()
    )  # the map is the new one, the picture the old one, and nothing says that they are whole
    with pytest.raises(OutputError, match="--overwrite"):
        make(output, "run-c", {output: b"other", picture: b"other"})
    make(output, "run-b", {output: b"new", picture: b"new"}, overwrite=True)
    assert contents(tmp_path) == {**contents(tmp_path), "map.tif": b"new", "map.overlay.png": b"new"}
    assert not list(tmp_path.glob(".*"))


def test_earlier_files_stay_in_the_record(tmp_path: Path) -> None:
    output, shapes = tmp_path / "map.tif", tmp_path / "map.gpkg"
    make(output, "run-a", {output: b"one", shapes: b"shapes"})
    make(output, "run-a", {output: b"one"})
    make(output, "run-a", {output: b"one", shapes: b"shapes"})


def test_what_shows_another_result_goes_if_it_is_ours(tmp_path: Path) -> None:
    output, scores, picture = (tmp_path / name for name in ("map.tif", "map.scores.tif", "map.overlay.png"))
    make(output, "run-a", {output: b"one", scores: b"ours"})
    picture.write_bytes(b"mine")
    made = Made("segment", output, stale=[scores, picture])
    made.start("run-b", overwrite=True)
    with made.writing(output) as draft:
        draft.write_bytes(b"two")
    made.finish({})
    assert not scores.exists() and picture.read_bytes() == b"mine"


def test_no_input_is_written_over_whatever_it_is_called(tmp_path: Path) -> None:
    """Also one that an earlier run made, and what lies in a hidden folder of work."""
    output, scores = tmp_path / "map.tif", tmp_path / "map.scores.tif"
    work = hidden_path(output, "work")
    for place in (
        output,
        scores,
        *beside(output),
        *beside(scores),
        work / "classes-000000000.tif",
        hidden_path(output, "new") / "x",
    ):
        make(output, "run-a", {output: b"one", scores: b"two"})
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"read")
        before = contents(tmp_path)
        for files, stale in (([scores], []), ([], [scores])):
            with pytest.raises(InputError, match="give the output another name"):
                Made("segment", output, files, stale, [work]).check(place)
        assert contents(tmp_path) == before
        for path in tmp_path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real.tif").write_bytes(b"mine")
    for number, target in enumerate(("real.tif", "nowhere.tif", ".", "link3.tif")):
        link = tmp_path / f"link{number}.tif"
        link.symlink_to(target)
        with pytest.raises(InputError, match="symbolic link"):
            make(link, "run", {link: b"new"}, overwrite=True)
        assert link.is_symlink()
    assert (tmp_path / "real.tif").read_bytes() == b"mine" and not (tmp_path / "nowhere.tif").exists()


def test_another_name_of_the_same_file_keeps_its_bytes(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    make(output, "run-a", {output: b"old"})
    (tmp_path / "kept.tif").hardlink_to(output)
    make(output, "run-b", {output: b"new"}, overwrite=True)
    assert output.read_bytes() == b"new" and (tmp_path / "kept.tif").read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["new", "work"])
def test_a_hidden_folder_that_is_not_ours_is_never_emptied(tmp_path: Path, kind: str) -> None:
    output, precious = tmp_path / "map.tif", tmp_path / "precious"
    precious.mkdir()
    (precious / "letter.txt").write_text("x")
    place = hidden_path(output, kind)
    for plant in (lambda: place.symlink_to(precious), lambda: precious.rename(place), lambda: place.write_text("x")):
        if place.is_symlink():
            place.unlink()
        elif place.is_dir():
            place.rename(precious)
        plant()
        before = contents(tmp_path)
        with pytest.raises(OutputError, match="give another output"):
            Made("segment", output, work=[hidden_path(output, "work")]).check()
        assert contents(tmp_path) == before


@pytest.mark.parametrize("left", ["-wal", "-journal"])
def test_a_geopackage_that_another_program_writes_is_left_alone(tmp_path: Path, left: str) -> None:
    output = tmp_path / "map.gpkg"
    make(output, "run-a", {output: b"one"}, door="find")
    (tmp_path / f"map.gpkg{left}").write_bytes(b"pages")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="move it away"):
        make(output, "run-a", {output: b"two"}, overwrite=True, door="find")
    assert contents(tmp_path) == before


def test_a_geopackage_that_is_read_is_not_replaced_under_the_reader(tmp_path: Path) -> None:
    output, database = tmp_path / "map.gpkg", tmp_path / "made.db"
    with sqlite3.connect(database) as file:
        file.execute("create table classes (id integer)")
    file.close()
    make(output, "run-a", {output: database.read_bytes()}, door="find")
    viewer = sqlite3.connect(output, isolation_level=None)
    viewer.execute("begin")
    viewer.execute("select * from classes").fetchall()
    with pytest.raises(OutputError, match="close it"):
        make(output, "run-a", {output: b"two"}, overwrite=True, door="find")
    viewer.close()
    make(output, "run-a", {output: b"two"}, overwrite=True, door="find")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tab\tx.tif", "control"),
        ("line\nx.tif", "control"),
        ("caf\udce9.tif", "UTF-8"),
        ("a" * 252 + ".tif", "255 bytes"),
    ],
)
def test_names_that_cannot_be_are_refused_before_any_work(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Made("segment", tmp_path / name).check()
    assert not list(tmp_path.iterdir())


def test_hidden_names_are_never_too_long(tmp_path: Path) -> None:
    output = tmp_path / ("a" * 237 + ".tif")  # its manifest has 255 bytes
    make(output, "run-a", {output: b"one"})
    with appears(tmp_path / ("b" * 255)) as draft:
        draft.write_bytes(b"x")
    assert not list(tmp_path.glob(".*"))


def make_styled(output: Path, style: str, *inputs: Path) -> Made:
    """One run that writes a file and a style beside it."""
    made = Made("find", output)
    made.check(*inputs)
    made.start("run", True)
    with made.writing(output) as draft:
        draft.write_text("features")
        draft.with_suffix(".qml").write_text(style)
    made.finish({})
    return made


def test_a_style_is_part_of_the_run_and_goes_on_with_it(tmp_path: Path) -> None:
    made = make_styled(tmp_path / "pools.geojson", "first")
    assert {each["path"] for each in json.loads(made.record.read_text())["made"]["files"]} == {
        "pools.geojson", "pools.qml"
    }  # fmt: skip
    make_styled(tmp_path / "pools.geojson", "second")
    assert (tmp_path / "pools.qml").read_text() == "second"


def test_a_style_that_somebody_else_made_stays_and_stops_no_run(tmp_path: Path) -> None:
    make_styled(tmp_path / "pools.geojson", "ours")
    (tmp_path / "pools.qml").write_text("changed in QGIS")
    make_styled(tmp_path / "pools.geojson", "ours again")
    assert (tmp_path / "pools.qml").read_text() == "changed in QGIS"
    make_styled(tmp_path / "pools.fgb", "of another result")
    assert (tmp_path / "pools.qml").read_text() == "changed in QGIS" and (tmp_path / "pools.fgb").exists()


def test_a_scene_gets_no_style_from_a_result_of_its_name(tmp_path: Path) -> None:
    scene = tmp_path / "scene.tif"
    scene.write_bytes(b"pixels")
    make_styled(tmp_path / "scene.geojson", "ours", scene)
    assert sorted(contents(tmp_path)) == ["scene.geojson", "scene.manifest.json", "scene.tif"]


def test_all_parts_of_a_shapefile_belong_to_the_run(tmp_path: Path) -> None:
    output, made = tmp_path / "pools.shp", Made("find", tmp_path / "pools.shp")
    (tmp_path / "pools.dbf").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"pools\.dbf was made or changed by another program"):
        made.start("run", True)
    (tmp_path / "pools.dbf").unlink()
    with made.writing(output) as draft:
        for end in ("shp", "shx", "dbf", "prj", "cpg"):
            draft.with_suffix(f".{end}").write_bytes(b"part")
    (tmp_path / "pools.qix").write_bytes(b"an index of another program")
    made.finish({})
    proofs = {each["path"] for each in json.loads(made.record.read_text())["made"]["files"]}
    assert proofs == {f"pools.{end}" for end in ("shp", "shx", "dbf", "prj", "cpg")}
