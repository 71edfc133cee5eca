"""Whose numbers bands have: the satellite's own, as the name, the tags or the numbers themselves say."""

from __future__ import annotations

from typing import get_args

import pytest

from geoglot.aliases import Sensor
from geoglot.errors import InputError
from geoglot.sources.bands.band_choice import Bands, Choice
from geoglot.sources.bands.sensors import MISSIONS, PRESETS, missions_of

LANDSAT7 = [f"SR_B{number}" for number in (1, 2, 3, 4, 5, 7)]
LANDSAT8 = [f"SR_B{number}" for number in (1, 2, 3, 4, 5, 6, 7)]


def chosen(names: list[str], said: str = "scene.tif", sensor: Sensor | None = None) -> Choice:
    colours = ("gray", *["undefined"] * (len(names) - 1))
    return Bands(tuple(map(str.lower, names)), colours, (), (said,)).choose(None, sensor)


@pytest.mark.parametrize(
    ("said", "mission"),
    [
        ("LE07_L2SP_012031_20020801_02_T1.tif", "landsat4-7"),
        ("LT05_L1TP_x.tif", "landsat4-7"),
        ("lsat7_2000.tif", "landsat4-7"),
        ("LANDSAT_5", "landsat4-7"),
        ("L7_20000101", "landsat4-7"),
        ("ETM+", "landsat4-7"),
        ("OLI_TIRS", "landsat8-9"),
        ("LC08_L2SP_x.tif", "landsat8-9"),
        ("LC09_x", "landsat8-9"),
        ("LO08_x", "landsat8-9"),
        ("Landsat-9", "landsat8-9"),
        ("S2A_MSIL2A_20230601T1.tif", "sentinel2"),
        ("s2b_x", "sentinel2"),
        ("T31UFU_20200601T105031_B04.jp2", "sentinel2"),
        ("Sentinel-2C", "sentinel2"),
        ("HLS.S30.T17SLU", "sentinel2"),
        ("m_4709963_se_14_1_20150926.tif", "naip"),
        ("WV02", "worldview"),
        ("WorldView-3", "worldview"),
        ("IMG_PHR1A_PMS_2020", "pleiades"),
        ("Pléiades", "pleiades"),
        ("20200601_PSScene_x", "planetscope"),
        ("20200601_3B_AnalyticMS_SR_8b.tif", "planetscope"),
        ("MOD09GA", "modis"),
    ],
)
def test_what_took_a_file_is_in_its_name_or_tags(said: str, mission: str) -> None:
    assert missions_of([said]) == (mission,)


@pytest.mark.parametrize(
    "said", ["scene.tif", "false07_map.tif", "rs2_radar.tif", "pneo3_x.tif", "tile07.tif", "folio.tif", "hotel7_x.tif"]
)
def test_other_names_say_nothing(said: str) -> None:
    assert missions_of([said]) == ()


def test_the_same_number_is_another_colour_on_another_satellite() -> None:
    assert chosen(LANDSAT7[:4], "LE07_L2SP_x.tif").indexes == (3, 2, 1)
    assert chosen(LANDSAT8, "LC08_L2SP_x.tif").indexes == (4, 3, 2)
    assert chosen([f"sur_refl_b0{number}" for number in range(1, 8)]).indexes == (1, 4, 3)
    assert chosen(["B0", "B1", "B2", "B3"], "PHR1B_x.tif").indexes == (3, 2, 1)


def test_the_numbers_themselves_tell_the_satellite() -> None:
    assert chosen(LANDSAT7).indexes == (3, 2, 1) and chosen([*LANDSAT7, "ST_B6"]).indexes == (3, 2, 1)
    assert "Landsat 4-7" in chosen(LANDSAT7).notes[0]
    assert chosen(LANDSAT8).indexes == (4, 3, 2) and not chosen(LANDSAT8).notes
    assert chosen(["B02", "B03", "B04", "B08"]).indexes == (3, 2, 1)
    assert chosen([f"B{number}" for number in range(1, 13)]).indexes == (4, 3, 2)


def test_numbers_without_a_satellite_are_told() -> None:
    choice = chosen(["SR_B2", "SR_B3", "SR_B4"])
    assert choice.indexes == (3, 2, 1)
    assert "on Landsat 4-7 they are near infrared, red, green" in choice.notes[0]


def test_numbers_that_no_satellite_has_say_nothing() -> None:
    assert chosen([f"Band {number}" for number in range(1, 120)]).guessed


def test_names_that_only_count_say_nothing() -> None:
    for names in (["B1", "B2", "B3", "B4"], ["Band 1", "Band 2", "Band 3"]):
        assert chosen(names).indexes == (1, 2, 3) and chosen(names).guessed


@pytest.mark.parametrize(
    ("count", "said", "indexes"),
    [
        (6, "LE07_x.tif", (3, 2, 1)),
        (6, "LC08_x.tif", (3, 2, 1)),
        (7, "LC08_x.tif", (4, 3, 2)),
        (7, "LT05_x.tif", (3, 2, 1)),
        (13, "S2A_MSIL1C_x.tif", (4, 3, 2)),
        (10, "S2A_MSIL2A_x.tif", (3, 2, 1)),
        (8, "WV03.tif", (5, 3, 2)),
        (4, "WV02.tif", (3, 2, 1)),
        (4, "PHR1A.tif", (1, 2, 3)),
        (4, "PSScene.tif", (3, 2, 1)),
        (8, "PSScene.tif", (6, 4, 2)),
        (4, "m_4709963_se_14_1_20150926.tif", (1, 2, 3)),
    ],
)
def test_without_names_the_order_of_the_satellites_files_is_taken_and_told(
    count: int, said: str, indexes: tuple[int, ...]
) -> None:
    choice = chosen([""] * count, said)
    assert choice.indexes == indexes and not choice.guessed
    assert "does not name its bands" in choice.notes[-1] and ", ".join(map(str, indexes)) in choice.notes[-1]


def test_a_preset_takes_the_numbers_of_the_file() -> None:
    assert chosen(LANDSAT7[:4], "LT05_x.tif", "landsat-c2-l2").indexes == (3, 2, 1)
    assert chosen(LANDSAT7, sensor="landsat-c2-l2").indexes == (3, 2, 1)
    assert chosen(LANDSAT7[:4], sensor="landsat4-7-c2-l2").indexes == (3, 2, 1)
    unknown = chosen(["SR_B2", "SR_B3", "SR_B4"], sensor="landsat-c2-l2")
    assert unknown.indexes == (3, 2, 1) and "not B3, B2, B1 as on Landsat 4-7" in unknown.notes[0]
    assert chosen(["SR_B2", "SR_B3", "SR_B4"], sensor="landsat8-9-c2-l2").notes == ()


@pytest.mark.parametrize(
    ("said", "sensor", "advice"),
    [
        ("LE07_x.tif", "landsat8-9-c2-l2", "use --sensor landsat4-7-c2-l2"),
        ("LC08_x.tif", "sentinel2-l2a", "use --sensor landsat-c2-l2"),
        ("S2A_MSIL1C_x.tif", "sentinel2-l2a", "msil1c"),
        ("LC08_L1TP_x.tif", "landsat-c2-l2", "l1tp"),
        ("MOD09GA.tif", "naip", "leave the preset out"),
    ],
)
def test_a_preset_that_contradicts_the_file_is_refused(said: str, sensor: Sensor, advice: str) -> None:
    with pytest.raises(InputError, match=advice):
        chosen(["B2", "B3", "B4"], said, sensor)


def test_names_go_before_the_order_of_a_preset_and_are_told() -> None:
    choice = chosen(["B", "G", "R", "N"], sensor="naip")
    assert choice.indexes == (3, 2, 1) and "does not have the order of NAIP" in choice.notes[0]


def test_every_preset_knows_its_missions() -> None:
    assert set(PRESETS) == set(get_args(Sensor))
    for preset in PRESETS.values():
        assert set(preset.missions) <= set(MISSIONS)
