"""Reads the name of a thing from words, and refuses words that are no name."""

from __future__ import annotations

import re

from geoglot.tasks.ask.grammar.lexicon import COLOURS, SYNONYMS, plural, singular
from geoglot.tasks.ask.grammar.noun import NotUnderstood

_MOST_WORDS = 4
#: Words that are never part of a name: if one is left over, the question was not understood
_FUNCTION_WORDS = frozenset("""
object objects thing things feature features item items something anything everything whatever a an the this that
these those there here it its they them their he she we you your i my me our us who whom whose which what when why how
where is are was were be been being am do does did done has have had having can could will would shall should may
might must not no nor never none if then else than as because while until since about into onto upon over under above
below across along through during before after again once between among within without near nearby next beside besides
close closest nearest far farther further away from to toward towards at by for with against per via and or but so too
very just only even still also both either neither each every any some all most many much more less fewer least few
several enough other others another such same different equal greater bigger larger smaller higher lower longer
shorter largest smallest biggest number amount count total sum average mean percentage percent share fraction
proportion ratio distance position location like look looks see seen show shows contain contains cover covers covered
occupy occupies live lives living dance sing think know want please tell give find found locate means cost costs own
owns owned belong belongs happen happened happening going come comes came made make makes built build used use uses
using tomorrow yesterday today now ago year years month months day days week weeks ever always often sometimes soon
later earlier of in on heading moving flowing pointing facing visible present numerous common dominant main
predominant exceed exceeds exceeding twice double times date dates top bottom left right upper north south east west
northern southern eastern western centre center middle side corner quarter half say says said called named visited
safe dangerous worth allowed legal expensive cheap old age tall height deep depth wide width fast speed weight heavy
price temperature weather population outside off behind opposite amid amidst beyond past except excluding unlike
versus vs front rear border edge margin mostly mainly largely predominantly roughly longest shortest widest tallest
oldest newest first fewest highest lowest greatest densest busiest deepest brightest darkest second last non entire
whole new newer newly recent recently former formerly existing current previous previously demolished vanished
multiple winter summer autumn night cloudy sunny rainy foggy windy season climate taken condition status median
typical dominate dominates list listed hectare hectares acre acres
""".split())
#: What things do: never a later word of a name ("cars cross bridge"), but "cross road" is one
_VERBS = frozenset("""
cross crosses span spans enter enters meet meets run runs lead leads connect connects join joins flow flows follow
follows passes intersect intersects touch touches separate separates divide divides face faces leave leaves
""".split())
#: Words of names, of six letters or more, whose misspellings are no words of their own
_OFTEN_ASKED = frozenset("""
building bridge airplane harbor forest vehicle stadium school swimming tennis basketball baseball roundabout
residential commercial industrial farmland football crossroad helicopter playground storage railway runway parking
street vegetation container highway intersection warehouse greenhouse cropland grassland
""".split())
_NOUNS_IN_ING = {"building", "crossing", "housing", "landing", "parking", "mooring", "clearing", "ring", "wing",
                 "spring", "shed", "bed", "railing", "opening", "reed", "watershed", "seabed"}  # fmt: skip
_FIRST_IN_ING = {"swimming", "shipping", "fishing", "sailing", "training", "mining", "racing", "riding", "loading",
                 "bowling", "skating", "skiing", "farming", "grazing", "cooling", "bathing", "camping"}  # fmt: skip
#: Plurals that a longer name may begin with
_PLURAL_FIRST = {"sports", "athletics", "gas", "works", "goods", "arts", "games", "grass", "glass", "woods", "tennis",
                 "barracks", "customs", "railways", "lawns", "houses", "greens", "bus", "canvas"}  # fmt: skip
#: Last words of names that are no things in a picture: building loss
_CHANGES = {"change", "difference", "increase", "decrease", "loss", "gain", "growth", "decline"}


def name_of(words: list[str]) -> str:
    """The name that one to four words are, in the singular; NotUnderstood with the word that is none of it."""
    joined = " ".join(words)
    if not 1 <= len(words) <= _MOST_WORDS or not re.fullmatch(r"[a-z][a-z -]*[a-z]|[a-z]+", joined):
        raise NotUnderstood(joined)
    for word in words:
        if word in _FUNCTION_WORDS or word.endswith("most") or (len(word) < 2 and singular(joined) != "t junction"):
            raise NotUnderstood(word)
    _check_order(words)
    words = [_spelled(word) for word in words]
    name = " ".join([*words[:-1], singular(words[-1])])
    return SYNONYMS.get(" ".join(words), SYNONYMS.get(name, name)).replace("-of-", " of ")


def _check_order(words: list[str]) -> None:
    """NotUnderstood if words are a sentence and no name: "ships docked", "bridges span river"."""
    last = singular(words[-1])
    if last in _CHANGES:
        raise NotUnderstood(last)
    if len(words) == 1 and (last in COLOURS or not re.search("[aeiouy]", last)):
        raise NotUnderstood(last)
    if len(words) > 1 and re.search(r"(?:ed|ing)$", last) and last not in _NOUNS_IN_ING:
        raise NotUnderstood(last)
    for word in words[:-1]:
        if singular(word) != word and word not in _PLURAL_FIRST:
            raise NotUnderstood(word)
    for word in words[1:]:
        inner = word.endswith("ing") and word not in _NOUNS_IN_ING | _FIRST_IN_ING
        if word in _VERBS or (inner and word != words[-1]):
            raise NotUnderstood(word)


def _misspelled() -> dict[str, str]:
    """Words that miss a letter after the first, or have two inner letters swapped, or one twice."""
    wrong: dict[str, str] = {}
    for word in _OFTEN_ASKED:
        for at in range(1, len(word)):
            wrong[word[:at] + word[at + 1 :]] = word
        for at in range(1, len(word) - 1):
            wrong[word[: at + 1] + word[at:]] = word
            wrong[word[:at] + word[at + 1] + word[at] + word[at + 2 :]] = word
    return {key: word for key, word in wrong.items() if key not in _OFTEN_ASKED and key != "bride"}


_MISSPELLED = _misspelled()


def _spelled(word: str) -> str:
    """A usual word without its slip of the pen: "buidlings" is "buildings"."""
    if word in _MISSPELLED:
        return _MISSPELLED[word]
    one = singular(word)
    return plural(_MISSPELLED[one]) if one in _MISSPELLED else word
