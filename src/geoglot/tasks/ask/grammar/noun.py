"""The meaning of a noun phrase: a `Thing` with names, filters, a part of the scene, a date and a superlative."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from geoglot.nouns import plural, uncountable


class NotUnderstood(Exception):
    """The grammar cannot read these words; a refusal names them."""


@dataclass(frozen=True)
class Sized:
    """At least `least` and less than `below` square metres; 0 is no bound."""

    least: float = 0.0
    below: float = 0.0
    said: str = field(default="", compare=False)
    """The bound in the unit of the question: "larger than 2 ha"."""


@dataclass(frozen=True)
class Shaped:
    """Square, rectangular or circular."""

    shape: str


@dataclass(frozen=True)
class Coloured:
    """Mainly of this colour."""

    colour: str


@dataclass(frozen=True)
class Related:
    """Placed relative to another thing: `how` is a key of RELATIONS."""

    how: str
    other: Thing
    metres: float = 0.0
    """For near and beyond."""
    said: str = field(default="", compare=False)
    """The preposition of the question, if another fits as well: "on", "over"."""


@dataclass(frozen=True)
class Between:
    """Placed on the ground between two things."""

    one: Thing
    other: Thing


Filter = Sized | Shaped | Coloured | Related | Between
#: A relation in words; a vocabulary word for all but the sides
RELATIONS = {
    "near": "within {} m of", "beyond": "more than {} m from", "beside": "next to", "inside": "inside",
    "nearest": "nearest to", "left": "left of", "right": "right of", "above": "above", "below": "below",
}  # fmt: skip
SIDES = ("left", "right", "above", "below")


@dataclass(frozen=True)
class Thing:
    """The meaning of a noun phrase. Filters apply from the first to the last, the superlative after all of them."""

    names: tuple[str, ...]
    either: bool = False
    """True if several names are joined by "or"."""
    filters: tuple[Filter, ...] = ()
    part: str = ""
    """A part of the scene: "left half"."""
    when: str = ""
    """ "before", "after", "appeared", "disappeared", or "" for a scene of one date."""
    superlative: str = ""
    """ "largest", "smallest", "longest" or ""."""

    @property
    def name(self) -> str:
        """The singular, or all singulars joined."""
        return (" or " if self.either else " and ").join(self.names)

    @property
    def noun(self) -> str:
        """The singular with its adjectives: "red car". Joined names have none: "that are red" follows them."""
        adjectives = [
            in_words(one) for one in self.filters if isinstance(one, Shaped | Coloured) and len(self.names) == 1
        ]
        return " ".join([*adjectives, self.name])

    @property
    def every(self) -> bool:
        """True if several names are joined by "and"."""
        return len(self.names) > 1 and not self.either

    @property
    def bare(self) -> bool:
        """True if it has names and nothing else."""
        return self == Thing(self.names, self.either)

    @property
    def relations(self) -> tuple[Related | Between, ...]:
        """The filters that say where it lies."""
        return tuple(one for one in self.filters if isinstance(one, Related | Between))

    @property
    def picked(self) -> bool:
        """True if size or nearness picks it out of several."""
        return bool(self.superlative) or any(isinstance(one, Related) and one.how == "nearest" for one in self.filters)

    @property
    def rest(self) -> str:
        """The modifiers that follow the name in a sentence: "larger than 500 m² in the left half"."""
        place = f"in the {self.part}" if self.part else ""
        dated = {"before": "on the first date", "after": "on the second date"}.get(self.when, "")
        filters = [
            f"that are {in_words(one)}" if isinstance(one, Shaped | Coloured) else in_words(one)
            for one in sorted(self.filters, key=lambda one: not isinstance(one, Sized))
            if not (isinstance(one, Shaped | Coloured) and len(self.names) == 1)
        ]
        return " ".join(words for words in (*filters, place, dated) if words)

    @property
    def singular(self) -> str:
        """The singular with its article and all modifiers: "a house in the left half", "the largest house"."""
        article = f"the {self.superlative}" if self.superlative else "an" if self.noun[0] in "aeiou" else "a"
        article = "" if not self.superlative and plural(self.name) == self.name else article
        noun = f"area of {self.noun}" if self.superlative and uncountable(self.name) else self.noun
        return f"{article} {noun} {self.rest}".strip()

    @property
    def plural(self) -> str:
        """The plural with all modifiers: "houses in the left half"; a superlative is singular: "the largest house"."""
        return self.singular if self.superlative else f"{plural(self.noun)} {self.rest}".strip()

    @property
    def verb_in_singular(self) -> bool:
        """True if a verb after `plural` is in the singular: forest covers, houses cover."""
        return bool(self.superlative) or (len(self.names) == 1 and plural(self.name) == self.name)

    def add(self, one: Filter) -> Thing:
        """The same thing with one more filter."""
        return replace(self, filters=(*self.filters, one))


def in_words(one: Filter) -> str:
    """A filter in a sentence: "red", "larger than 500 m²", "next to a road"."""
    match one:
        case Sized():
            return one.said
        case Shaped():
            return one.shape
        case Coloured():
            return one.colour
        case Between():
            return f"between {one.one.singular} and {one.other.singular}"
        case Related():
            other = (
                f"every {one.other.noun}" if one.how == "beyond" and not one.other.superlative else one.other.singular
            )
            return f"{one.said or RELATIONS[one.how].format(f'{one.metres:.12g}')} {other}"
