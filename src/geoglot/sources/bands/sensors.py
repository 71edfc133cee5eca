"""The sensors: which of their bands are red, green and blue, and what the numbers in their files mean.

Sources, by mission:
- Landsat: USGS LSDS-1619 and LSDS-1618, Collection 2 Level 2 Science Product Guides (8-9 and 4-7): reflectance =
  number * 0.0000275 - 0.2; LSDS-1822, Landsat 8-9 Data Format Control Book: level 1 is number * 0.00002 - 0.1,
  without correction for the sun's elevation. Level 1 of Landsat 4-7 is 8 bit, with gains per scene, and is shown as is.
- Sentinel-2: ESA, S2-PDGS-TAS-DI-PSD, Product Specification Document: number / 10000, and from processing baseline
  04.00 (25 January 2022) on an offset of -1000, in level 2A (BOA_ADD_OFFSET) as in 1C (RADIO_ADD_OFFSET).
- NAIP: USDA, NAIP information sheet: red, green, blue, near infrared; 8 bit.
- WorldView-2 and -3: Maxar, Product guide: eight bands from short waves to long, or blue, green, red, near infrared.
- Pléiades: Airbus, Pléiades Imagery User Guide: B2, B1, B0, B3 in this order.
- PlanetScope: Planet, PlanetScope Product Specifications: surface reflectance * 10000; four, five and eight bands.
- MODIS: MOD09 User's Guide (band numbers only).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from geoglot.aliases import Sensor

WHITE_REFLECTANCE = 0.3
"""The reflectance shown as full brightness, as in GRAFT's Sentinel-2 tiles (3000 of 10000)."""
SENTINEL2_OFFSET = -0.1
SENTINEL2_OFFSET_BASELINE = 4.0
SENTINEL2_OFFSET_SINCE = "20220125"


@dataclass(frozen=True)
class Mission:
    """Satellites that number their bands alike."""

    title: str
    pattern: str
    """A regular expression for the names and tags of their files, in lower case."""
    numbers: Mapping[str, str]
    """The colour of each band, by its number."""
    stacks: Mapping[int, tuple[str, ...]]
    """The colours of a file in the order of its bands, by the number of bands."""

    def stack(self, count: int) -> tuple[str, ...]:
        """The colours of a file of `count` bands; a file of more bands than are known begins like the largest known."""
        if not self.stacks:
            return ()
        return self.stacks.get(count, self.stacks[max(self.stacks)] if count > max(self.stacks) else ())


@dataclass(frozen=True)
class Preset:
    """One product of one sensor."""

    title: str
    missions: tuple[str, ...]
    """The first is taken if a file does not name its mission."""
    scale: float | None = None
    """Reflectance = stored number * scale + offset; None: the numbers are plain brightness."""
    offset: float = 0.0
    other: str = ""
    """A regular expression for the names of another product's files."""


def _counted(colours: str, first: int = 1) -> dict[str, str]:
    return {str(number): colour for number, colour in enumerate(colours.split(), first)}


def _stacks(*orders: str) -> dict[int, tuple[str, ...]]:
    return {len(colours): colours for colours in (tuple(order.split()) for order in orders)}


_VISIBLE = "coastal blue green red"
MISSIONS: dict[str, Mission] = {
    "sentinel2": Mission(
        "Sentinel-2",
        r"(?<![a-z0-9])s2[a-d]?_|msil[12][ac]|s2msi|sentinel[-_ ]?2|(?<![a-z0-9])t\d\d[a-z]{3}_20\d{6}t|hls\.s30",
        _counted(f"{_VISIBLE} rededge rededge rededge nir vapour cirrus swir swir") | {"8a": "nir2"},
        _stacks(
            "blue green red rededge rededge rededge nir nir2 swir swir",
            f"{_VISIBLE} rededge rededge rededge nir nir2 vapour swir swir",
        ),
    ),
    "landsat8-9": Mission(
        "Landsat 8-9",
        r"(?<![a-z0-9])l[cot]?(0?[89]_|8\d{6})|(landsat|lsat)[-_ ]?0?[89]|hls\.l30|(?<![a-z])oli(?![a-z])",
        _counted(f"{_VISIBLE} nir swir swir pan cirrus thermal thermal"),
        _stacks("blue green red nir swir swir", f"{_VISIBLE} nir swir swir"),
    ),
    "landsat4-7": Mission(
        "Landsat 4-7",
        r"(?<![a-z0-9])l[et]?(0?[4-7]_|[4-7]\d{6})|(landsat|lsat)[-_ ]?0?[4-7]|(?<![a-z])etm(?![a-z])",
        _counted("blue green red nir swir thermal swir pan"),
        _stacks("blue green red nir swir swir", "blue green red nir swir thermal swir"),
    ),
    "naip": Mission(
        "NAIP",
        r"(?<![a-z0-9])m_\d{7}_[ns][ew]_\d\d_|(?<![a-z])naip",
        {},
        _stacks("red green blue", "red green blue nir"),
    ),
    "worldview": Mission(
        "WorldView-2 and -3",
        r"(?<![a-z0-9])wv0?[23](?![a-z0-9])|world ?view[-_ ]?0?[23]",
        _counted("coastal blue green yellow red rededge nir nir2"),
        _stacks("blue green red nir", "coastal blue green yellow red rededge nir nir2"),
    ),
    "pleiades": Mission(
        "Pléiades",
        r"(?<![a-z0-9])phr[ _]?(1[ab])?(?![a-z0-9])|pl[eé]iades(?![-_ ]?neo)",
        _counted("blue green red nir", 0),
        _stacks("red green blue", "red green blue nir"),
    ),
    "planetscope": Mission(
        "PlanetScope",
        r"psscene|planet ?scope|(?<![a-z0-9])3b_analytic|_analyticms",
        {},
        _stacks(
            "red green blue",
            "blue green red nir",
            "blue green red rededge nir",
            "coastal blue green1 green yellow red rededge nir",
        ),
    ),
    "modis": Mission(
        "MODIS",
        r"sur_refl|nadir_refl|(?<![a-z0-9])(m[oy]d09|mcd43)|modis",
        _counted("red nir blue green swir swir swir"),
        {},
    ),
    "rgb": Mission("plain colours", r"(?!)", {}, _stacks("red green blue")),
}

_LEVEL1, _LEVEL2 = r"_l1[tg][pst]?_", r"_l2s[pr]_|(?<![a-z])sr_b\d"
PRESETS: dict[Sensor, Preset] = {
    "rgb": Preset("an RGB picture", ("rgb",)),
    "naip": Preset("NAIP", ("naip",)),
    "sentinel2-l2a": Preset("Sentinel-2 L2A", ("sentinel2",), 1e-4, other="msil1c|s2msi1c"),
    "sentinel2-l1c": Preset("Sentinel-2 L1C", ("sentinel2",), 1e-4, other="msil2a|s2msi2a"),
    "landsat-c2-l2": Preset("Landsat Collection 2 Level 2", ("landsat8-9", "landsat4-7"), 2.75e-5, -0.2, _LEVEL1),
    "landsat8-9-c2-l2": Preset("Landsat 8-9 Collection 2 Level 2", ("landsat8-9",), 2.75e-5, -0.2, _LEVEL1),
    "landsat4-7-c2-l2": Preset("Landsat 4-7 Collection 2 Level 2", ("landsat4-7",), 2.75e-5, -0.2, _LEVEL1),
    "landsat-c2-l1": Preset("Landsat Collection 2 Level 1", ("landsat8-9", "landsat4-7"), 2e-5, -0.1, _LEVEL2),
    "worldview": Preset("WorldView-2 or -3", ("worldview",)),
    "pleiades": Preset("Pléiades", ("pleiades",)),
    "planetscope": Preset("PlanetScope surface reflectance", ("planetscope",), 1e-4),
}


def missions_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The missions that texts name: the name of a file, its tags, the names of its bands."""
    joined = "\n".join(texts).lower()
    return tuple(name for name, mission in MISSIONS.items() if re.search(mission.pattern, joined))


def preset_of(mission: str) -> Sensor | None:
    """The preset to recommend for a mission's files."""
    return next((sensor for sensor, preset in PRESETS.items() if preset.missions[0] == mission), None)
