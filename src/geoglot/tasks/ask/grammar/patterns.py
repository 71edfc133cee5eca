"""The notation that forms and modifiers are written in.

    how many A [are|is there] [in unit=UNIT]

A word stands for itself; `a|b` is a choice of words, `(x y | z)` a choice of phrases; `[x]` may be missing; `(x)*` comes
any number of times; `name=` keeps what the next part matches. A, B and C are noun phrases. Other words in capitals are
the lists and the expressions below.
"""

from __future__ import annotations

import re
from functools import cache

from geoglot.tasks.ask.grammar.lexicon import ACROSS, AREAS, COLOURS, LENGTHS, VERTICAL

_NUMBER = r"\d+(?:\.\d+)?"
_DIRECTION = "|".join(sorted([*VERTICAL, *ACROSS], key=len, reverse=True))
_KIND = "quarter|quadrant|corner|half|third|part|side|area|section|portion|region|end|edge|zone"
_UNITS, _LENGTHS = "|".join(AREAS), "|".join(LENGTHS)

#: Regular expressions; the text that they read ends every word with a space
_EXPRESSIONS = {
    "A": r"(?P<a>(?:\S+ )+?)",
    "B": r"(?P<b>(?:\S+ )+?)",
    "C": r"(?P<c>(?:\S+ )+?)",
    "REST": r"(?P<rest>(?:in|on|at|within) (?!@)(?:\S+ )+?)",
    "FIRST": r"(?P<first>(?:\S+ )+?)",
    "ANY": r"(?:\S+ )+?",
    "LIST": r"(?P<many>(?:\S+ )+?or (?:\S+ )+?)",
    "N": r"\d+ ",
    "UNIT": rf"(?:{_UNITS}) ",
    "SIZE": rf"(?P<much>{_NUMBER})(?P<unit>{_UNITS}) ",
    "DISTANCE": rf"(?P<far>{_NUMBER})(?P<length>{_LENGTHS}) ",
    "METRES": rf"{_NUMBER}(?:{_LENGTHS}) ",
    "FRACTION": rf"(?:{_NUMBER}%|half|third|quarter|0\.5) ",
    "FROM": rf"(?P<least>{_NUMBER})(?P<unit1>{_UNITS})? ",
    "RANGE": r"(?P<least>\d+)(?: to |-)(?P<most>\d+) ",
    "COLOUR": rf"(?P<colour>{'|'.join(COLOURS)}) ",
    "PART": (
        rf"(?:(?P<one>{_DIRECTION})(?:[ -]?(?P<two>{_DIRECTION}))?(?:-?most)?(?: (?P<kind>{_KIND}))?"
        rf"|(?P<centre>centre-most|centermost|centre|center|middle|central)(?: (?P<ckind>{_KIND}))?)(?: (?:of|in) @)? "
    ),
    "NOT_OF": r"(?!of (?!@))",
    "END": r"$",
}
#: Words that mean the same in a form
_WORDS = {
    "THIS": "it|this|that|@|these",
    "SHOW": "contain|have|show|include|display|feature|depict|hold|present|comprise",
    "SEE": "(is it possible to | do|can|could you|i|we|one) (see|find|spot|detect|identify|observe|notice|recognize|recognise"
    "|locate | make out)",
    "SEEN": "present|visible|seen|shown|found|there|depicted|located|detected|counted|observed|spotted|identified",
    "TAIL": "[are|is there | there are|is | (are|is | can|could be | be) SEEN | present|visible|exist|exists|appear"
    " | do|can|could you|we|i|one see|find|count|spot|detect|identify|observe|notice | do|does @ contain|have|show|include"
    " | are|is END | there] [in|on @|it]",
    "HAVE": "contain|contains|have|has|hold|holds|include|includes|show|shows",
    "COVER": "(cover|covers|occupy|occupies|span|spans|use|uses|fill|fills|have|has | take|takes|make|makes up | take|takes)",
    "BY": "([that|which] [is] covered|occupied|taken|used|filled by|with | taken up by|with | made up by|of | of|for|under)",
    "AREA": "(total|combined|overall|whole|entire|approximate)* (area|surface|extent|size|footprint|acreage"
    " | surface|land|ground|coverage area)",
    "GROUND": "area|land|space|ground|surface|terrain",
    "PORTION": "percentage|percent|share|fraction|proportion|part|portion|%",
    "WHOLE": "(@|area|land|ground|surface|scene|pixels | land|total area)",
    "MORE": "(more | LARGER number|numbers of)",
    "LESS": "(less|fewer | LESSER number|numbers of)",
    "LESSER": "less|fewer|smaller|lower",
    "AMOUNT": "[total|exact|overall] number|amount|quantity|count of",
    "WHERE": "(in|on|at|near|within | next to)",
    "FIND": "(show|find|list|locate|highlight|mark|map|display | point out|to)",
    "LARGER": "(larger|bigger|greater|higher|wider|more | more extensive)",
    "SMALLER": "(smaller|less | less extensive)",
    "BOUND": "(at least | no|not fewer|less than | more|greater|larger|higher than | over|above | at most | no|not more than"
    " | up to | fewer|less|smaller|lower than | under|below | exactly|only|just|precisely | equal to | same as)",
    "MAINLY": "mostly|mainly|predominantly|largely|primarily",
    "STATE": "[non] flooded|non-flooded|damaged|destroyed|collapsed|burnt|burned",
    "SIDE": "half|part|side|quarter|corner|area|region|section",
    "PLACES": "part|parts|quarter|quadrant|corner|half|area|region|section|side|portion|direction|place|location",
    "PUT": "(located|situated|placed|found|lying|positioned|at|lie|seen|sit|visible | be found|seen | to be found | in|on @)*",
    "COVER_KIND": "(land cover|use | landcover|landuse)",
    "CLASS": "type|kind|class|form|category|sort",
    "TOP": "(dominant|main|prevailing|predominant|major|largest | most common|widespread|extensive)",
    "URBAN": "urban|city|town|built-up",
    "RURAL": "(rural|countryside | country side)",
    "SETTING": "area|region|place|zone|setting|environment|scene|@|one|landscape|location",
    "TOWN_OR_LAND": "(URBAN [SETTING] or [more] [in] RURAL [SETTING] | RURAL [SETTING] or [more] [in] URBAN [SETTING])",
    "DONE": "[have|has|was|were|are|is|did|had] (been|there|newly|recently|now)*",
    "NEW": "built|added|constructed|appeared|appear|new|erected|developed|planted|created|emerged|gained",
    "GONE": "(disappeared|disappear|vanished|vanish|removed|demolished|lost|gone|destroyed|missing | torn|cut down)",
    "SINCE": "[between|since|from|in|on|over|across|by [2|both|first|second] [dates|@before|@after|@|then] [and|to @after|now]]",
    "GROW": "(grow|grown|increase|increased|expand|expanded|rise|risen|gain|gained | got more | get|become larger)",
    "SHRINK": "(shrink|shrunk|decrease|decreased|decline|declined|fall|fallen|drop|dropped|reduced | get|become smaller)",
    "CHANGE": "(change|changed|differ|differed|remain | stay the same)",
    "AREA_OF": "(area|size|extent|surface of | area covered by)",
    "NUMBER_OF": "number|amount|count of",
    "EARLIER": "(before|earlier|previously | in|on @before)",
    # Of modifiers:
    "LINK": "[that|which|who] [is|are|lie|lies|sit|stand | can be] [located|situated|lying|found|standing|placed|parked|moored"
    "|docked|anchored|driving|sitting|growing|seen|built|there]",
    "NOT": "[that|which] is|are|lie|do not [lie]",
    "RADIUS": "radius|distance|range|reach|buffer",
    "WITH_AREA": "[with|having|whose|have|has | that|which have|has] [area|surface|size|footprint|extent]"
    " [of|is|are|measuring|measure|covering|cover|covers | that is]",
    "OVER": "(exceeds|exceed|larger|bigger|greater|more|over|above|exceeding | at least | no|not less|smaller | upwards of) [than]",
    "BELOW": "(smaller|less|under|below | at most | no|not more|larger | up to) [than]",
    "NEXT": "(beside|adjoining|alongside|along|bordering|touching|abutting|neighbouring|neighboring|by | next|adjacent to)",
    "NEAR": "(near|nearby|around|surrounding|at | near to | close to|by | in vicinity|neighbourhood|neighborhood|proximity of"
    " | in proximity to | not far from)",
    "INSIDE": "(inside|in|on|within|over | on top of | lying on | surrounded|enclosed by)",
    "BEGINS": "(that|which|who is|are|lie|lies|have|has|can | is|are|lie|lies|located|situated|lying|found|standing|parked"
    "|moored|docked|anchored|driving|sitting|growing | within|inside|over|beyond|near|nearby|by|around|surrounding|at|in|on"
    "|to|from|between|above|below|underneath|beneath|of|towards|with|under|less|more|beside|adjacent|adjoining|alongside"
    "|along|bordering|touching|abutting|neighbouring|neighboring | no|not more|less | at least|most | up to | closer|nearer"
    "|farther|further than | nearest|closest|next|close to | right|directly next | close by | not far | left|right|north|south"
    "|east|west of | having|have|has|whose|exceeds|exceed|cover|covers|measure|larger|bigger|greater|smaller|exceeding"
    "|covering|measuring | METRES from|of | @before|@after | surrounded|enclosed by)",
}


class Groups(dict[str, str]):
    """What the names of a pattern kept; "" for what is missing."""

    def __missing__(self, key: str) -> str:
        return ""


_TOKEN = re.compile(r"\w+=|[\[\]()]\*?|[^\s\[\]()]+")
_CLOSE = {"[": ")?", "(": ")"}


def expression(pattern: str) -> str:
    """The regular expression of a pattern."""
    made, name, closing = [], "", []
    for token in _TOKEN.findall(pattern):
        if token.endswith("=") and token[:-1].isidentifier():
            name = token[:-1]
            continue
        opened = f"(?P<{name}>" if name else "(?:"
        if token in _CLOSE:
            made.append(f"{opened}(?:" if name else "(?:")
            closing.append(_CLOSE[token] + (")" if name else ""))
        elif token[0] in ")]":
            end = closing.pop()
            made.append(end.replace(")", ")*", 1) if token.endswith("*") else end)
        elif token == "|":
            made.append("|")
        else:
            made.append(f"{opened}{_words(token)})")
        name = ""
    return "".join(made)


@cache
def _words(token: str) -> str:
    if token in _EXPRESSIONS:
        return _EXPRESSIONS[token]
    if token in _WORDS:
        return expression(_WORDS[token])
    if "|" in token:
        return "|".join(_words(word) for word in token.split("|") if word)
    return re.escape(token) + " "


def kept(match: re.Match[str]) -> Groups:
    """The words of a match by name."""
    return Groups({name: text.strip() for name, text in match.groupdict().items() if text})


_EXPRESSIONS["OTHER"] = rf"(?P<other>(?:\S+ )+?)(?={expression('BEGINS')}|$)"
