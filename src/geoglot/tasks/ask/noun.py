"""What a noun phrase means: names, where and when, and the calls that pick some of all things of these names."""

from __future__ import annotations

from dataclasses import dataclass

from geoglot.tasks.ask.lexicon import plural


class NotUnderstood(Exception):
    """Words that the grammar cannot read; never shown as it is."""


@dataclass(frozen=True)
class Thing:
    """What a noun phrase means."""

    names: tuple[str, ...]
    either: bool = False
    """Whether several names were joined by "or"."""
    wraps: tuple[str, ...] = ()
    """Calls around the search, inner first, with {} for what they take: larger({}, 500)."""
    words: tuple[str, ...] = ()
    """The modifiers as they are said again: "larger than 500 m²"."""
    region: str = ""
    """The call that gives the region: part("left half")."""
    place: str = ""
    """The region as it is said again: "in the left half"."""
    when: str = ""
    """ "before", "after" or ""."""
    superlative: str = ""

    @property
    def name(self) -> str:
        """The name, or the names joined."""
        return (" or " if self.either else " and ").join(self.names)

    @property
    def many(self) -> str:
        """The plural, with what else is known."""
        names = [plural(name) for name in self.names]
        return " ".join([self.superlative, (" or " if self.either else " and ").join(names), self.rest]).strip()

    @property
    def covers(self) -> str:
        """The plural with its verb: buildings cover, forest covers."""
        single = len(self.names) == 1 and (self.superlative or plural(self.name) == self.name)
        return f"the {self.one} covers" if self.superlative else f"{self.many} {'covers' if single else 'cover'}"

    @property
    def one(self) -> str:
        """The singular, with what else is known."""
        return " ".join([self.superlative, self.name, self.rest]).strip()

    @property
    def rest(self) -> str:
        """All modifiers as they are said again."""
        dated = f"on the {'first' if self.when == 'before' else 'second'} date" if self.when else ""
        return " ".join(word for word in (*self.words, self.place, dated) if word)

    @property
    def every(self) -> bool:
        """Whether several names were joined by "and"."""
        return len(self.names) > 1 and not self.either

    @property
    def is_bare(self) -> bool:
        """Whether it is names alone."""
        return not (self.wraps or self.region or self.when or self.superlative)

    def find(self, *, clip: bool = False) -> str:
        """The expression that finds it; with `clip` the region is left to who measures."""
        region = "" if clip else self.region
        where = f"{self.when}({region})" if self.when else region
        found = [f'find("{name}"{f", {where}" if where else ""})' for name in self.names]
        expression = found[0]
        for other in found[1:]:
            expression = f"together({expression}, {other})"
        for wrap in self.wraps:
            expression = wrap.replace("{}", expression)
        return f"{self.superlative}({expression})" if self.superlative else expression

    @property
    def part(self) -> str:
        """The region as a last argument: `, part("left half")`, or nothing."""
        return f", {self.region}" if self.region else ""
