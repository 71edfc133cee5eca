"""The words of noun phrases: tables of adjectives, directions and exceptions, and the patterns made of them."""

from __future__ import annotations

from geoglot.tasks.ask.lexicon import COLOURS

NEAR_M = 100.0  # "near" and "close to", where nobody says how near
MOST_WORDS = 4
#: RSVQA's sizes (Lobry et al. 2020, section III): in square metres, from and below
SIZES = {
    "small": (0.0, 100.0), "tiny": (0.0, 100.0), "little": (0.0, 100.0), "medium": (100.0, 500.0),
    "medium-sized": (100.0, 500.0), "large": (500.0, 0.0), "big": (500.0, 0.0), "huge": (500.0, 0.0),
}  # fmt: skip
SHAPES = {"square": "square", "rectangular": "rectangular", "circular": "circular", "round": "circular"}
COLOUR_WORDS = {colour: colour for colour in COLOURS} | {"gray": "grey"}
COLOURLESS = {"area", "space", "land", "field", "zone", "belt", "house"}  # green space, white house
#: Names that begin like a size and are none: classes of DOTA and of traffic counts
NAMES = {"small vehicle", "large vehicle", "small car", "large car", "big box store"}
NOUNS_IN_ING = {"building", "crossing", "housing", "landing", "parking", "mooring", "clearing", "ring", "wing",
                 "spring", "shed", "bed", "railing", "opening", "reed", "watershed", "seabed"}  # fmt: skip
FIRST_IN_ING = {"swimming", "shipping", "fishing", "sailing", "training", "mining", "racing", "riding", "loading",
                 "bowling", "skating", "skiing", "farming", "grazing", "cooling", "bathing", "camping"}  # fmt: skip
#: Plurals that a longer name may begin with
PLURAL_FIRST = {"sports", "athletics", "gas", "works", "goods", "arts", "games", "grass", "glass", "woods", "tennis",
                 "barracks", "customs", "railways", "lawns", "houses", "greens", "bus", "canvas"}  # fmt: skip
FIXED = {"place of worship": "place-of-worship", "places of worship": "place-of-worship",
          "place of worships": "place-of-worship", "body of water": "water", "bodies of water": "water",
          "areas of water": "water", "area of water": "water", "block of flats": "block-of-flats",
          "blocks of flats": "block-of-flats", "non flooded": "non-flooded", "track and field": "track-field"}  # fmt: skip

SUPERLATIVES = {"largest": "largest", "biggest": "largest", "smallest": "smallest", "tiniest": "smallest",
                 "most extensive": "largest"}  # fmt: skip
VERTICAL = {"north": "upper", "northern": "upper", "top": "upper", "upper": "upper", "south": "lower",
             "southern": "lower", "bottom": "lower", "lower": "lower"}  # fmt: skip
ACROSS = {"west": "left", "western": "left", "left": "left", "left-hand": "left", "lefthand": "left", "east": "right",
           "eastern": "right", "right": "right", "right-hand": "right", "righthand": "right"}  # fmt: skip
COMPASS = {"upper": "north", "lower": "south", "left": "west", "right": "east"}
CENTRE = ("centre", "center", "middle", "central", "centre-most", "centermost")
DIRECTION = "|".join(sorted([*VERTICAL, *ACROSS], key=len, reverse=True))
KIND = r"(?:quarter|quadrant|corner|half|third|part|side|area|section|portion|region|end|edge|zone)"
PART = (
    rf"(?:(?P<one>{DIRECTION})(?:[ -]?(?P<two>{DIRECTION}))?(?:-?most)?(?: (?P<kind>{KIND}))?"
    rf"|(?P<centre>{'|'.join(CENTRE)})(?: (?P<ckind>{KIND}))?)(?: (?:of|in) @)?"
)
DISTANCE = r"(?P<far>\d+(?:\.\d+)?)(?P<length>m|km|ft|mile|yard)"
#: Heads of names that are no things on a picture: ["change"] inside buildings, building ["loss"]
CHANGES = frozenset({"change", "difference", "increase", "decrease", "loss", "gain", "growth", "decline"})
SIZE = r"(?P<much>\d+(?:\.\d+)?)(?P<unit>m²|km²|ha|acre|ft²)"
LINK = r"(?:(?:that|which|who) )?(?:(?:is|are|lie|lies|sit|stand|can be) )?(?:(?:located|situated|lying|found|standing|placed|parked|moored|docked|anchored|driving|sitting|growing|seen|built|there) )?"
NOT = r"(?:(?:that|which) )?(?:is|are|lie|do) not (?:lie )?"
HAVE = r"(?:(?:with|having|that have|which have|that has|have|has|whose) )?(?:(?:area|surface|size|footprint|extent) )?(?:(?:of|that is|is|are|measuring|measure|covering|cover|covers) )?"
MORE = r"(?:exceeds|exceed|larger|bigger|greater|more|over|above|exceeding|at least|no less|no smaller|not less|not smaller|upwards of)(?: than)?"
LESS = r"(?:smaller|less|under|below|at most|no more|no larger|not more|not larger|up to)(?: than)?"
#: Where a modifier begins, and so a name ends
STARTS = (
    r"(?:that|which|who) (?:is|are|lie|lies|have|has|can)|is|are|lie|lies|located|situated|lying|found|standing|parked|moored|docked|anchored|driving|sitting|growing|"
    r"within|inside|less than|closer than|nearer than|no more than|at most|up to|more than|farther than|further than|over|"
    r"at least|beyond|nearest to|closest to|next to|beside|adjacent|adjoining|alongside|along|bordering|touching|abutting|"
    r"neighbou?ring|by|right next to|directly next to|near|nearby|close to|close by|around|surrounding|not far from|at|in|on|to|from|between|left of|right of|above|"
    r"below|north of|south of|east of|west of|underneath|beneath|of|towards|with|having|have|has|whose|exceeds|exceed|cover|covers|measure|larger|bigger|greater|smaller|"
    r"under|exceeding|covering|measuring|\d+(?:\.\d+)?(?:m|km|ft|mile|yard) (?:from|of)|@before|@after|surrounded by|enclosed by|less|more"
)
