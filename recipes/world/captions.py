"""Captions of photos: many words and phrases for each class of the map."""

from __future__ import annotations

import numpy as np

NOUNS: dict[str, tuple[str, ...]] = {
    "lake": ("lake", "pond", "lake shore", "calm water", "lakeside", "water"),
    "beach": ("beach", "sandy beach", "sand", "sandy shore", "seaside sand"),
    "forest": ("forest", "woods", "tall trees", "woodland", "tree trunks"),
    "orchard": ("orchard", "fruit trees", "apple trees", "fruit orchard", "rows of fruit trees"),
    "field": ("field", "farmland", "crops", "farm field", "rows of crops", "crop field"),
    "meadow": ("meadow", "grass", "pasture", "grassland", "lawn", "green meadow"),
    "road": ("road", "street", "highway", "paved road", "asphalt road", "country road"),
    "parking lot": ("parking lot", "car park", "parked cars", "parking area", "parking"),
    "house": ("house", "home", "building", "residential house", "family home", "cottage"),
    "pool": ("pool", "swimming pool", "outdoor pool", "pool water", "garden swimming pool"),
}
DETAILS: dict[str, tuple[str, ...]] = {
    "lake": ("with reeds", "and a small boat", "with ripples"),
    "beach": ("under a parasol", "with waves", "and footprints"),
    "forest": ("with ferns", "full of shade", "and fallen leaves"),
    "orchard": ("in blossom", "with ripe apples", "and its harvest"),
    "field": ("before harvest", "after ploughing", "with wheat"),
    "meadow": ("with flowers", "where cows graze", "full of daisies"),
    "road": ("with lane markings", "with traffic", "into the distance"),
    "parking lot": ("full of vehicles", "outside the supermarket", "with free spaces"),
    "house": ("with a red door", "with windows", "and its chimney"),
    "pool": ("with blue tiles", "and deck chairs", "with a ladder"),
}
PHRASES = (
    "a photo of a {}", "{}", "the {}", "a view of the {}", "we stopped at the {}", "my favourite {}",
    "a picture of the {} near our village", "standing in front of the {}", "a walk to the {}", "this is a {}",
    "here you see the {}", "a nice {} we found", "holiday snapshot of a {}", "there is a {}", "{} , taken yesterday",
)  # fmt: skip
#: Words that only other prompts use; the tokenizer knows them, training never shows them
OTHER_WORDS = (
    "satellite",
    "aerial",
    "image",
    "overhead",
    "top",
    "from",
    "above",
    "an",
    "land",
    "cover",
    "scene",
    "map",
)


def caption(class_name: str, rng: np.random.Generator) -> str:
    """A random caption for a class, out of about a hundred."""
    noun = NOUNS[class_name][rng.integers(len(NOUNS[class_name]))]
    detail = DETAILS[class_name][rng.integers(len(DETAILS[class_name]))] if rng.random() < 0.3 else ""
    phrase = PHRASES[rng.integers(len(PHRASES))]
    return phrase.format(f"{noun} {detail}".strip())


def vocabulary() -> list[str]:
    """Every word of the captions and of later prompts, sorted."""
    texts = [*PHRASES, *OTHER_WORDS]
    for table in (NOUNS, DETAILS):
        texts += [text for name, some in table.items() for text in (name, *some)]
    return sorted({word for text in texts for word in text.replace("{}", "").split()} | {"."})
