"""Published protocols: class words, templates, how pictures are fitted, and splits.

Metrics of different protocols do not compare: the same weights differ by 20 points on EuroSAT. The splits of B need the
lists in SkyScript's download, which also hold its class names. C was published on 12 bands; with the three bands used
here, its results compare only with each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from geoglot.datasets.dataset import Label
from geoglot.errors import InputError
from geoglot.evaluation.image_vectors import Fit
from geoglot.options import TEMPLATES

Naming = Literal["words", "keys", "lower"]
"""words: class words; keys: the data set's spelling; lower: keys in lower case with blanks for _ and /."""


@dataclass(frozen=True)
class Protocol:
    """A published way to measure a model."""

    name: str
    source: str
    templates: tuple[str, ...]
    fit: Fit
    ensemble: tuple[str, ...] = ()
    """Templates for --ensemble."""
    naming: Naming = "words"
    naming_of: Mapping[str, Naming] = field(default_factory=dict)
    """Naming by data set, if it differs from `naming`."""
    splits: Mapping[str, str] = field(default_factory=dict)
    """Split by data set, if it is not the data set's first."""
    own_pixels: bool = True
    """Whether to map at the set's own pixels, or at the model's ground resolution if the set's is known."""

    def prompts(self, ensemble: bool) -> tuple[str, ...]:
        """The templates to average for each class."""
        if ensemble and not self.ensemble:
            raise InputError(f"protocol {self.name!r} has no ensemble beyond its own {len(self.templates)} templates")
        return self.ensemble if ensemble else self.templates

    def call(self, label: Label, dataset: str) -> str:
        """The class words for the templates."""
        naming = self.naming_of.get(dataset, self.naming)
        if naming == "words":
            return label.word
        return label.key if naming == "keys" else label.key.replace("_", " ").replace("/", " ").lower()


_ADJECTIVES = (
    "low resolution", "bad", "cropped", "bright", "dark", "close-up", "black and white", "jpeg corrupted", "blurry",
    "good",
)  # fmt: skip
_OPINIONS = ("large", "nice", "small", "weird", "cool")


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _rs5m(kind: str) -> list[str]:
    """The 35 templates of RS5M and RS-TransCLIP for a kind of image."""
    plain = [f"{_article(kind)} {kind} of {what} {{}}." for what in ("many", "a", "the", "the hard to see")]
    plain.append(f"{_article(kind)} {kind} of a hard to see {{}}.")
    seen = [f"a {adjective} {kind} of {the} {{}}." for adjective in _ADJECTIVES for the in ("the", "a")]
    judged = [f"{_article(kind)} {kind} of {the} {word} {{}}." for word in _OPINIONS for the in ("the", "a")]
    return plain + seen + judged


#: 106 templates: run_featuregeneration.py of RS-TransCLIP, averaged by its averageprompt.py
RS_ENSEMBLE = (
    "a satellite photo of a {}.",
    *(text for kind in ("remote sensing image", "aerial image", "satellite image") for text in _rs5m(kind)),
)


def _msclip() -> tuple[str, ...]:
    """The 50 templates of MSCLIP.py, from a copy of the file; some reports count 45."""
    articles = ("", "a ", "the ")
    satellite = [
        *(f"a satellite image showing {the}{{}}." for the in articles),
        *(f"The image is a satellite view showing {the}{{}}." for the in articles),
        "The image shows {}",
        *(f"{first} satellite image of {the}{{}}." for first in ("a", "the") for the in articles),
        *(f"a satellite view of {the}{{}}." for the in articles),
        *(f"a {kind} satellite image of {the} {{}}." for kind in _ADJECTIVES[:4] for the in ("the", "a")),
    ]
    aerial = [f"a {kind} aerial image of {the} {{}}." for kind in _ADJECTIVES[2:] for the in ("the", "a")]
    judged = [f"an aerial image of {the} {word} {{}}." for word in _OPINIONS for the in ("the", "a")]
    return (*satellite, *aerial, *judged)


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "default",
            "geoglot: what `classify` and `segment` do",
            TEMPLATES,
            "mirror",
            ensemble=(*TEMPLATES, *RS_ENSEMBLE),
            own_pixels=False,
        ),
        Protocol(
            "a",
            "RS-TransCLIP (arXiv 2409.00698), github elkhouryk/RS-TransCLIP: whole data sets",
            ("a satellite photo of a {}.",),
            "resize",
            ensemble=RS_ENSEMBLE,
            splits={"eurosat": "all"},
        ),
        Protocol(
            "b",
            "SkyScript (arXiv 2312.12856), github wangzhecheng/SkyScript: its own lists and class names",
            ("a satellite photo of {}.", "a satellite image of {}"),
            "resize",
            splits={"eurosat": "skyscript", "aid": "skyscript", "resisc45": "skyscript", "patternnet": "skyscript"},
        ),
        Protocol(
            "c",
            "Llama3-MS-CLIP (arXiv 2503.15969), github IBM/MS-CLIP; published on 12 bands, here on RGB",
            _msclip(),
            "resize",
            naming="lower",
            naming_of={"bigearthnet-19": "keys"},
        ),
        Protocol(
            "graft",
            "GRAFT as CrossSO measures it (arXiv 2604.11415), github xzhacc/CrossSO, configs/transfer.yaml",
            ("A satellite image of {}",),
            "black",
            naming_of={"eurosat": "keys"},
            splits={"eurosat": "val"},
        ),
    )
}


def protocol_of(name: str) -> Protocol:
    """A protocol by name, in any case."""
    protocol = PROTOCOLS.get(name.lower())
    if protocol is None:
        raise InputError(f"no protocol is called {name!r}; there are {', '.join(PROTOCOLS)}")
    return protocol
