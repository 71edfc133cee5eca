"""Searches of archives, from words, pictures and places to hits, files and sheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from click.testing import CliRunner
from PIL import Image

from conftest import MakeGeotiff
from geoglot.cli.main import cli
from geoglot.cli.search import describe
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.index.build.build import add
from geoglot.index.search import contact_sheet, picture_cache, second_stage
from geoglot.index.search import index as index_module
from geoglot.index.search import query as query_module
from geoglot.index.search.index import Index
from geoglot.index.search.scan import scan
from geoglot.models.lazy_model import LazyModel
from geoglot.options import IndexOptions, SearchOptions
from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import hex_of
from stubs import CalibratedColours, PooledColours

MODEL = PooledColours()
COLOURS = {"roof": (204, 51, 26), "forest": (26, 128, 26), "water": (26, 51, 204), "road": (102, 102, 102)}
MakePictures = Callable[..., Path]


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The stub reads words wherever the archive's model is asked for, and nothing is written to the user's cache."""
    monkeypatch.setattr(query_module, "find_reader", lambda *_: LazyModel.of(MODEL))
    monkeypatch.setattr(picture_cache, "BUNDLED", MODEL)
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def make_pictures(tmp_path: Path) -> MakePictures:
    """A folder of noisy pictures of one colour each: roof0.png, roof1.png, ..."""

    def make(each: int = 4) -> Path:
        folder = tmp_path / "pictures"
        folder.mkdir()
        random = np.random.default_rng(0)
        for name, colour in COLOURS.items():
            for number in range(each):
                noise = random.integers(-15, 15, (40, 40, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{name}{number}.png")
        return folder

    return make


def scene(make_geotiff: MakeGeotiff, path: Path, colour: str = "forest", *, blot: bool = True) -> Path:
    """A scene of 1.6 km in one colour, with a roof of of 320 m in its north-west if it has a blot."""
    pixels = np.ones((3, 160, 160), np.uint8) * np.array(COLOURS[colour], np.uint8)[:, None, None]
    pixels[:, -1, -1] = len(list(path.parent.iterdir()))  # no two files have the same content
    if blot:
        pixels[:, 32:64, 32:64] = np.array(COLOURS["roof"], np.uint8)[:, None, None]
    return make_geotiff(pixels, transform=Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 4_000_000.0), path=path)


def names(hits: object) -> list[str]:
    return [Path(hit.source).stem for hit in hits.hits]  # type: ignore[attr-defined]


def test_words_find_their_pictures_first(make_pictures: MakePictures) -> None:
    index = Index(make_pictures())
    for colour in ("roof", "forest", "water"):
        hits = index.search(colour, options=SearchOptions(top=4))
        assert sorted(names(hits)) == [f"{colour}{number}" for number in range(4)]
        assert [hit.rank for hit in hits.hits] == [1, 2, 3, 4]
        assert hits.searched == 16


def test_a_search_by_words_alone_scans_once(make_pictures: MakePictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_cache, "BUNDLED", CalibratedColours())
    folder, scans = make_pictures(), list[int]()
    index = Index(folder)
    monkeypatch.setattr(index_module, "scan", lambda *given: scans.append(1) or scan(*given))
    alone = index.search("roof")
    assert alone.present is not None and len(scans) == 1
    assert index.search("roof", image=folder / "water0.png").present == alone.present and len(scans) == 3


def test_a_thing_that_fills_a_part_of_a_chip_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_cache, "BUNDLED", CalibratedColours())
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        picture = Image.new("RGB", (64, 64), COLOURS["forest"])
        picture.paste(COLOURS["roof"], (8 * number, 0, 8 * number + 16, 16))
        picture.save(folder / f"{number}.png")
    index = Index(folder)
    seen = [index.search("roof", options=SearchOptions(top=top)).present for top in (1, 3, 50)]
    for path in folder.iterdir():
        path.unlink()
    whole = index.search("roof").present
    assert index.search("roof").notes[-1].startswith("3 of the 3 best cannot be read and looked into: ")
    assert whole is not None and seen[0] is not None and seen[0] > 2 * whole  # without pixels the chips alone tell
    assert seen[0] == seen[1] == seen[2]  # however many hits are wanted


def test_the_first_of_many_hits_are_looked_into(make_pictures: MakePictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_stage, "LEAST_LOOKS", 4)
    monkeypatch.setattr(second_stage, "_MOST_LOOKS", 5)
    hits = Index(make_pictures()).search("roof", options=SearchOptions(top=16)).hits
    assert [hit.fit is not None for hit in hits] == [True] * 5 + [False] * 11


def test_a_picture_finds_its_like(make_pictures: MakePictures, tmp_path: Path) -> None:
    folder = make_pictures()
    example = tmp_path / "example.png"
    Image.new("RGB", (30, 30), COLOURS["water"]).save(example)
    assert all(
        name.startswith("water") for name in names(Index(folder).search(image=example, options=SearchOptions(top=4)))
    )


def test_words_and_a_picture_together_ask_for_both(tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    halves = {
        "roof-water": ("roof", "water"),
        "roof": ("roof", "roof"),
        "water": ("water", "water"),
        "forest": ("forest", "forest"),
    }
    for name, (left, right) in halves.items():
        picture = Image.new("RGB", (40, 40), COLOURS[left])
        picture.paste(COLOURS[right], (20, 0, 40, 40))
        picture.save(folder / f"{name}.png")
    hits = Index(folder).search("water", image=folder / "roof.png", options=SearchOptions(top=4))
    assert names(hits)[0] == "roof-water"
    assert all(0 <= hit.score <= 1 for hit in hits.hits)


def test_examples_and_counterexamples_move_what_words_mean(make_pictures: MakePictures) -> None:
    folder = make_pictures()
    index = Index(folder)
    hits = index.search(like=[folder / "roof0.png", folder / "roof1.png"], unlike=[folder / "road0.png"],
                        options=SearchOptions(top=4))  # fmt: skip
    assert sorted(names(hits)) == ["roof0", "roof1", "roof2", "roof3"]
    with pytest.raises(InputError, match="--unlike needs --like"):
        index.search("roof", unlike=[folder / "road0.png"])


def test_nothing_asked_is_refused(make_pictures: MakePictures) -> None:
    with pytest.raises(InputError, match="a search needs words"):
        Index(make_pictures(1)).search()


def test_one_hit_a_place_though_dates_and_scales_are_many(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    for day in ("20240101", "20240601", "20250101"):
        scene(make_geotiff, tmp_path / f"s_{day}.tif")
    sources = sorted(tmp_path.glob("s_*.tif"))
    add(tmp_path / "a", sources, model=MODEL, options=IndexOptions(scale="320m,640m"))
    hits = Index(tmp_path / "a").search("roof", options=SearchOptions(top=100))
    middles = np.array([hit.geometry.centroid.coords[0] for hit in hits.hits if hit.geometry])
    distance = np.abs(middles[:, None] - middles[None]).max(2) * 111_000
    assert distance[~np.eye(len(middles), dtype=bool)].min() > 150
    assert hits.hits[0].also >= 2


def test_a_place_finds_what_looks_like_it(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    add(tmp_path / "a", [scene(make_geotiff, tmp_path / "s.tif")], model=MODEL, options=IndexOptions(scale="320m"))
    index = Index(tmp_path / "a")
    roof = index.search("roof").hits[0]
    assert roof.geometry is not None and roof.cell is not None
    middle = roof.geometry.centroid
    for place in (f"{middle.x},{middle.y}", roof.cell):
        again = index.search(place=place).hits[0]
        assert again.cell == roof.cell and again.score == pytest.approx(1, abs=1e-3)
    with pytest.raises(InputError, match="no chip of"):
        index.search(place="0,0")
    with pytest.raises(InputError, match="LON,LAT in degrees"):
        index.search(place="here,there")


def test_the_part_of_the_chip_that_fits_is_outlined(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    source = scene(make_geotiff, tmp_path / "s.tif")
    for patches in (True, False):
        place = tmp_path / f"a{patches}"
        add(place, [source], model=MODEL, options=IndexOptions(scale="640m", patches=patches))
        hit = Index(place).search("roof").hits[0]
        assert hit.outline is not None and hit.geometry is not None
        with_blot = gpd.GeoSeries.from_xy([500_480], [3_999_520], crs=32617).to_crs(4326)[0]
        assert hit.outline.contains(with_blot)
        assert hit.outline.area < 0.8 * hit.geometry.area


def test_every_answer_shows_the_number_that_ranks_it(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    add(tmp_path / "a", [scene(make_geotiff, tmp_path / "s.tif")], model=MODEL, options=IndexOptions(scale="640m"))
    index = Index(tmp_path / "a")
    hits = index.search("roof")
    fit = [hit.fit for hit in hits.hits]
    assert fit == sorted(fit, reverse=True) and len(fit) > 2
    assert hits.table["fit"].tolist() == pytest.approx(fit, abs=1e-6)
    document = hits.to_json()["hits"][0]
    assert document["fit"] == pytest.approx(fit[0], abs=1e-6) and document["part_score"] > document["score"]
    line = f"fit {fit[0]:+.2f}  whole {document['score']:.3f}  part {document['part_score']:.3f}"
    assert contact_sheet.describe(hits.hits[0])[0] == f"1  {line}" and line in describe(hits, {})


def test_what_was_not_looked_into_is_ranked_by_its_score(make_pictures: MakePictures) -> None:
    folder = make_pictures(1)
    hit = Index(folder).search(image=folder / "roof0.png").hits[0]
    assert (hit.fit, hit.part_score, hit.scores) == (None, None, f"whole {hit.score:.3f}")


def test_filters_leave_out_chips_before_the_ranking(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    for day in ("20240101", "20250101"):
        scene(make_geotiff, tmp_path / f"s_{day}.tif")
    add(tmp_path / "a", sorted(tmp_path.glob("s_*.tif")), model=MODEL, options=IndexOptions(scale="320m"))
    index = Index(tmp_path / "a")
    every = index.search("roof").searched
    later = index.search("roof", options=SearchOptions(after="2024-06-01"))
    assert later.searched == every // 2
    assert {hit.time.year for hit in later.hits if hit.time} == {2025}
    none = index.search("roof", options=SearchOptions(bbox=(100.0, 0.0, 101.0, 1.0)))
    assert (none.searched, len(none), none.absent) == (0, 0, True)
    assert "no chip to search" in repr(none)


def test_filters_that_leave_nothing_say_which(
    make_geotiff: MakeGeotiff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_module, "find_reader", lambda *_: LazyModel.of(CalibratedColours()))
    add(tmp_path / "a", [scene(make_geotiff, tmp_path / "s.tif")], model=MODEL, options=IndexOptions(scale="320m"))
    index = Index(tmp_path / "a")
    chips = index.archive.rows
    none = index.search("roof", options=SearchOptions(after="2024-06-01", where="nodata < 2"))
    assert f"of {chips} chips the filters leave none: the days 0, where {chips}" in none.notes
    assert none.present is None  # nothing was searched, so nothing is known
    assert not any("the filters leave" in note for note in index.search("roof").notes)


def test_files_of_hits(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    add(tmp_path / "a", [scene(make_geotiff, tmp_path / "s.tif")], model=MODEL, options=IndexOptions(scale="320m"))
    hits = Index(tmp_path / "a").search("roof", options=SearchOptions(top=3))
    for suffix in ("gpkg", "parquet", "geojson", "fgb", "shp", "zip"):
        notes = hits.save(path := tmp_path / f"hits.{suffix}")
        frame = gpd.read_parquet(path) if suffix == "parquet" else gpd.read_file(path, layer=0)
        frame = frame.sort_values("rank", ignore_index=True)
        assert bool(notes) == (suffix in ("shp", "zip"))
        assert frame["rank"].tolist() == [1, 2, 3]
        assert set(frame["colour"]) == {hex_of(*Legend(("hits",)).colours)} == set(hits.draw().shapes["colour"])
        assert shapely.equals_exact(*map(shapely.normalize, (frame.geometry, hits.table.geometry)), 1e-6).all()
    hits.save(tmp_path / "hits.csv")
    rows = list(csv.DictReader((tmp_path / "hits.csv").read_text().splitlines()))
    assert [row["cell"] for row in rows] == [hit.cell for hit in hits.hits]
    assert "colour" not in rows[0]  # of a table that draws nothing
    hits.sheet(tmp_path / "hits.png")
    with Image.open(tmp_path / "hits.png") as picture:
        assert picture.width > 3 * 150
    with pytest.raises(InputError, match="cannot be written"):
        hits.save(tmp_path / "hits.xlsx")


def test_files_of_others_and_of_other_searches_are_not_replaced(make_pictures: MakePictures, tmp_path: Path) -> None:
    index = Index(make_pictures())
    roof, water = index.search("roof"), index.search("water")
    for name, write in (("hits.csv", "save"), ("hits.png", "sheet")):
        path = tmp_path / name
        getattr(roof, write)(path)
        getattr(index.search("roof"), write)(path)  # the same search again
        with pytest.raises(OutputError, match="another run of geoglot search; replace it with --overwrite"):
            getattr(water, write)(path)
        getattr(water, write)(path, overwrite=True)
        path.write_bytes(b"mine")
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="another program"):
                getattr(water, write)(path, overwrite=overwrite)
        assert path.read_bytes() == b"mine"


def test_a_folder_with_a_slash_at_its_end_is_the_same(make_pictures: MakePictures, tmp_path: Path) -> None:
    folder = make_pictures(1)
    for place in (folder, str(folder), f"{folder}/"):
        Index(place).search("roof").save(tmp_path / "hits.csv")


def test_a_search_that_cannot_write_does_not_begin(make_pictures: MakePictures, tmp_path: Path) -> None:
    folder = make_pictures(1)
    (tmp_path / "mine.csv").write_text("mine")
    for flags, why in (
        (["-o", tmp_path / "mine.csv"], "another program"),
        (["-o", tmp_path / "hits.xlsx"], ".csv"),
        (["--sheet", tmp_path / "hits.jpg"], ".png"),
        (["--sheet", folder / "hits.png"], "would take it for a picture"),
        (["--image", tmp_path / "mine.csv", "-o", tmp_path / "mine.csv"], "is the source of this run"),
    ):
        result = CliRunner().invoke(cli, ["search", str(folder), "roof", *map(str, flags)])
        assert result.exit_code and why in result.output, result.output
    assert not (tmp_path / "cache").exists()  # the folder was not indexed


def test_one_hit_is_one_place(make_pictures: MakePictures) -> None:
    folder, one = make_pictures(1), SearchOptions(top=1)
    index = Index(folder)
    assert index.search("roof", options=one).summary == "1 place like 'roof', of 4 chips"
    like = index.search(like=[folder / "roof0.png"], options=one)
    assert like.summary == "1 place like 1 example, of 4 chips"


def test_each_example_of_a_file_is_counted(make_pictures: MakePictures, tmp_path: Path) -> None:
    folder = make_pictures(1)
    index = Index(folder)
    index.search("roof", options=SearchOptions(top=3)).save(tmp_path / "hits.csv")
    found = index.search(like=[tmp_path / "hits.csv", folder / "roof0.png"], unlike=[tmp_path / "hits.csv"])
    assert found.query == "like 4 examples and unlike 3 examples"


def test_the_document_of_a_search(make_pictures: MakePictures) -> None:
    document = json.loads(json.dumps(Index(make_pictures()).search("roof", options=SearchOptions(top=2)).to_json()))
    assert {"query", "present", "hits", "searched", "seconds"} <= set(document)
    assert document["query"] == "roof" and len(document["hits"]) == 2
    first = document["hits"][0]
    assert {"rank", "score", "source", "window", "bounds", "time"} <= set(first)
    assert first["window"] == [0, 0, 40, 40] and first["bounds"] is None


@pytest.mark.parametrize(("present", "told"), [(0.496, "0.49"), (0.503, "0.50")])
def test_what_is_told_absent_is_not_shown_with_the_probability_of_the_threshold(
    make_pictures: MakePictures, present: float, told: str
) -> None:
    hits = replace(Index(make_pictures()).search("roof"), present=present)
    first = describe(hits, {}).splitlines()[0]
    assert first.endswith(f"(probability that it is here: {told})") and ("nothing like" in first) == hits.absent
    assert (replace(hits, present=0.49999).to_json()["present"], hits.absent) == (0.4999, present < 0.5)


def test_hits_show_in_a_notebook_without_markup_of_strangers(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (40, 40), COLOURS["roof"]).save(folder / "<b>roof.png")
    hits = Index(folder).search("roof")
    shown = hits._repr_html_()
    assert "<b>roof" not in shown and "&lt;b&gt;roof.png" in shown and "data:image/jpeg;base64," in shown


def test_pictures_without_a_place_go_into_a_table_only(make_pictures: MakePictures, tmp_path: Path) -> None:
    hits = Index(make_pictures(1)).search("roof")
    hits.save(tmp_path / "hits.csv")
    with pytest.raises(InputError, match=r"write a \.csv"):
        hits.save(tmp_path / "hits.gpkg")


def test_a_sheet_says_which_picture_is_gone(make_pictures: MakePictures, tmp_path: Path) -> None:
    folder = make_pictures(1)
    hits = Index(folder).search("roof")
    (folder / "roof0.png").unlink()
    hits.sheet(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()
    with pytest.raises(OutputError, match="another run"):
        Index(folder).search("water").sheet(tmp_path / "sheet.png")


def test_a_file_that_changed_since_is_not_taken_for_what_was_indexed(
    make_pictures: MakePictures, tmp_path: Path
) -> None:
    folder = make_pictures(2)
    add(tmp_path / "a", folder, model=MODEL)
    before = Index(tmp_path / "a").search("roof")
    beside = folder / "roof1.png.aux.xml"
    for change in (lambda: beside.write_text("<PAMDataset/>"), beside.unlink):  # statistics, such as QGIS writes
        change()
        for picture in folder.glob("water*.png"):  # a copy, which has another time
            picture.write_bytes(picture.read_bytes())
        again = Index(tmp_path / "a").search("roof")
        assert [hit.fit for hit in again.hits] == [hit.fit for hit in before.hits] and not again.notes
    roof = folder / "roof0.png"
    roof.write_bytes((folder / "water0.png").read_bytes())
    changed = Index(tmp_path / "a").search("roof")
    assert changed.notes == (f"1 of the 8 best cannot be read and looked into: {roof}",)
    panels = {panel.lines[1]: panel for panel in contact_sheet.draw_panels(changed.hits)}
    assert "has changed since it was indexed" in panels["roof0.png"].lines[-1] and len(panels["roof1.png"].lines) == 2
    add(tmp_path / "a", folder, model=MODEL)
    assert not Index(tmp_path / "a").search("roof").notes


def test_a_folder_is_brought_up_to_date(make_pictures: MakePictures) -> None:
    folder = make_pictures(2)
    assert Index(folder).search("roof").searched == 8
    (folder / "roof0.png").unlink()
    Image.new("RGB", (40, 40), COLOURS["roof"]).save(folder / "roof7.png")
    hits = Index(folder).search("roof", options=SearchOptions(top=2))
    assert hits.searched == 8 and sorted(names(hits)) == ["roof1", "roof7"]


def test_a_damaged_picture_is_named_and_the_rest_is_searched(make_pictures: MakePictures) -> None:
    folder = make_pictures(1)
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nonsense")
    hits = Index(folder).search("roof")
    assert hits.searched == 4
    assert any("bad.png was not searched" in note for note in hits.notes)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no archive and no folder"):
        Index(tmp_path / "none")
