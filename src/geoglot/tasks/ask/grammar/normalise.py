"""A question as typed to a question in plain form: numbers as digits, units as symbols, no articles, the scene as @.

`@` stands for the picture, image, scene or map itself; `@before` and `@after` for the first and second of two dates.
"""

from __future__ import annotations

import re
import unicodedata

from geoglot.tasks.ask.grammar.lexicon import MULTIPLES, NUMBERS, SCALES, UNIT_WORDS

_CONTRACTIONS = {"what's": "what is", "where's": "where is", "there's": "there is", "how's": "how is",
                 "who's": "who is", "it's": "it is", "that's": "that is", "which's": "which is"}  # fmt: skip
_PICTURE = r"(?:pictures?|images?|imagery|scenes?|photos?|photographs?|pics?|map|raster|tile|frame|snapshot)"
_KIND = r"(?:satellite|aerial|drone|remote sensing|overhead|given|shown|whole|entire|full|current|above|input|provided)"
_AREA = r"(?:area|region|place|site|location|view|neighbou?rhood|zone|spot|landscape|shot)"
_THIS = r"(?:this|these|that|our|my|your)"
_DATES = (
    (rf"(?:first|earlier|older|oldest|before|previous|old) {_PICTURE}(?: of the two)?", "@before"),
    (rf"(?:second|later|newer|newest|latest|after|last|new|recent) {_PICTURE}(?: of the two)?", "@after"),
    (r"(?:first|earlier|older|previous) (?:date|year|time)", "@before"),
    (r"(?:second|later|newer|latest) (?:date|year|time)", "@after"),
)
_POLITE = (
    r"(?:please|kindly|hello|hi|hey|ok|okay|so|now|well|and)",
    r"(?:may|can|could) i (?:ask|know)(?: you)?",
    r"i(?: was| am|'m)? wonder(?:ing)?(?: if you could (?:tell|say)(?: me)?)?",
    r"do you happen to know|(?:i|we) (?:need|would like|want)(?: to (?:know|find out|see|have))?|what i need is",
    r"(?:can|could|would|will) you(?: please| kindly)? (?=(?:show|list|highlight|mark|map|display|point|measure|"
    r"describe|classify|name)\b)",
    r"(?:can|could|would|will) (?:you|u) (?:please |kindly )?(?:tell|say|let|give|answer|check|determine|estimate|"
    r"calculate|compute|work out|find out)(?: to)?(?: me| us)?(?: know)?",
    r"(?:tell|let|give) (?:me|us)(?: know)?",
    r"show (?:me|us)(?= (?:what|how|where|which|whether|if|(?:the )?(?:number|area|share|count|percentage|distance)))",
    r"(?:do you know|i want to know|i would like to know|i'd like to know|i need to know|i wonder|we want to know)",
    r"(?:can|could) (?:you|i|we) (?=count|determine|estimate|calculate|compute|give)",
    r"(?:provide|list|return|output)(?= (?:number|the number|the total|the area|the count|the share|area|count))",
    r"(?:determine|estimate|calculate|compute|work out|find out|identify|report|say|answer)(?= (?:what|how|where|which|"
    r"whether|if|the|number|area|share|percentage|distance|total))",
    r"(?:is it true that|is it correct that|would you say that|would you say)",
)
_SLIPS = (
    (
        r"show (?:me|us)(?! (?:what|how|where|which|whether|if)\b)"
        r"(?! (?:the )?(?:number|area|share|count|percentage|distance)\b)",
        "show",
    ),
    (r"^(?:map|identify|detect|outline|name)(?= (?:the|all|every|each) )", "show"),
    (r"would you mind counting", "count"),
    (r"would you (?:call|consider)", "is"),
    (r"(?:newly|recently|freshly) (?:built|constructed|erected|added|planted|developed)", "new"),
    (r"meny|mani|mnay|mny|manny", "many"),
    (r"hw|hwo|hou", "how"),
    (r"whats|wats|wat is", "what is"),
    (r"wheres", "where is"),
    (r"theres", "there is"),
    (r"wich|whcih|whic", "which"),
    (r"teh|hte", "the"),
    (r"pic|pictrue|imgae|iamge|imge", "image"),
    (r"(is|are) (?:their|thier|ther|they're)(?= )", r"\1 there"),
    (r"(is|are) (?:their|thier|ther)$", r"\1 there"),
    (r"r (?=there\b)", "are "),
    (r"percantage|percentge|precentage|persentage", "percentage"),
    (r"nummber|numer|nubmer|numbr", "number"),
)
_FILLERS = (
    r"please|approximately|roughly|currently|actually|at all|clearly|visibly|"
    r"exactly how|as well|kind of like|respectively"
)
_IN = r"in|on|of|within|inside|from|across|over|throughout|at|for|looking at|considering|given"
_NUMBER = r"\d+(?:\.\d+)?"


def plain(question: str) -> str:
    """A question in plain form; the grammar reads nothing else."""
    text = unicodedata.normalize("NFKC", question.replace("²", "2")).lower().strip()
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u201c", '"').replace("\u201d", '"')
    for short, long in _CONTRACTIONS.items():
        text = text.replace(short, long)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"'s\b", "", text)
    text = re.sub(r"\b(colo)r(s?)\b", r"\1ur\2", text).replace("gray", "grey")
    text = re.sub(r"[\"“”()\[\]]", " ", text).rstrip("?!. ")
    text = _mended(text)
    text = re.sub(r"\s*[,;:]\s*", " , ", text)
    if not re.search(r"\b(?:long|length)\b", text):  # the longest is measured, not all together
        text = re.sub(r"\b(?:altogether|in total|in all|overall)\b", " ", text)
    text = re.sub(rf"\bexactly(?= how)|\b(?:{_FILLERS})\b", " ", text)
    text = _spaced(text)
    text = _without_politeness(text)
    text = _digits(text)
    text = _units(text)
    text = re.sub(r"\b(?:about|around|circa|some)(?= \d)", "", text)
    text = re.sub(r"\b(?:a|an|the)\b(?!-)", "", _spaced(text))
    return _counting(_placed(_spaced(text)))


def _counting(text: str) -> str:
    """Ways to ask for a number as "how many"."""
    text = re.sub(r"^(?:what is |give |do |count )?(?:(?:total|exact|overall) )?(?:number|amount|quantity|count) of ",
                  "how many ", text)  # fmt: skip
    text = re.sub(
        r"^(?:what (?:number|amount|quantity|count) of|count(?: how many| up| of)?|how many of) ", "how many ", text
    )
    return text


def _mended(text: str) -> str:
    """Slips in the words that the grammar itself reads."""
    text = re.sub(r"[ ,.?(]*(?:yes or no|yes/no|y/n)\)?$", "", text.rstrip("?!. "))
    text = re.sub(r"(?:\bno\.?|#|\bnr\.?) of\b", "number of", text)
    for pattern, right in _SLIPS:
        text = re.sub(rf"\b(?:{pattern})\b", right, text)
    return text


def _spaced(text: str) -> str:
    return " ".join(text.split()).strip(" ,")


def _without_politeness(text: str) -> str:
    while True:
        shorter = text
        for words in _POLITE:
            shorter = re.sub(rf"^(?:{words})\b[ ,]*", "", shorter)
        shorter = re.sub(r"^(?:if|whether) (there (?:is|are)) ", r"\1 ", shorter)
        shorter = re.sub(r"[ ,]+(?:please|thanks|thank you|for (?:me|us))$", "", shorter)
        if shorter == text or not shorter:
            return text
        text = shorter


def _digits(text: str) -> str:
    """Number words as digits: "two hundred and fifty" as 250, "a dozen" as 12, "half a hectare" as 0.5 hectare."""
    words, result, index = text.split(), [], 0
    while index < len(words):
        value, used = _number_at(words, index)
        if used:
            result.append(f"{value:g}" if value < 1e6 else str(int(value)))
            index += used
        else:
            result.append(words[index])
            index += 1
    text = " ".join(result)
    text = re.sub(r"\bhalf (?:a |an |of a )(?=\w)(?!of)", "0.5 ", text)
    text = re.sub(
        r"\b(?:a|an) (?=(?:square (?:met|kil|feet|foot|ft|mile|k?m\b)|hectare|acre|kilomet|metre|meter|mile|km))",
        "1 ",
        text,
    )
    for word in ("dozen", "couple"):
        text = re.sub(rf"\b(?:a )?{word}\b(?: of)?", str(MULTIPLES[word]), text)
    return text


def _number_at(words: list[str], start: int) -> tuple[float, int]:
    """The number that begins at a word, and how many words it takes; 0 words where there is none."""
    total, current, index, seen = 0.0, 0.0, start, False
    while index < len(words):
        word = words[index]
        parts = word.split("-")
        if all(part in NUMBERS for part in parts) and len(parts) <= 2:
            current += sum(NUMBERS[part] for part in parts)
        elif re.fullmatch(_NUMBER, word) and not seen and index + 1 < len(words) and words[index + 1] in SCALES:
            current = float(word)
        elif word in SCALES and seen:
            current *= SCALES[word]
            if SCALES[word] >= 1000:
                total, current = total + current, 0.0
        elif word in SCALES and index and words[index - 1] == "a":
            current = SCALES[word]
        elif (
            word == "and" and seen and index + 1 < len(words) and words[index + 1] in NUMBERS and total + current >= 100
        ):
            if index + 2 < len(words) and words[index + 2] in SCALES:
                break
        else:
            break
        seen = True
        index += 1
    return total + current, index - start


def _units(text: str) -> str:
    """Units as symbols, fixed to their number: 500m²; alone after "in" or "many" too."""
    for words, symbol in UNIT_WORDS:
        text = re.sub(rf"({_NUMBER}) ?-?(?:{words})(?![\w²])", rf"\1{symbol}", text)
        if len(symbol) > 1 or symbol == "%":
            text = re.sub(rf"\b(in|many|per|much) (?:{words})(?![\w²])", rf"\1 {symbol}", text)
        else:
            text = re.sub(r"\b(in|many|per) (?:metres|meters|m)\b", r"\1 m", text)
    return re.sub(r"\b(what|which) (?:percent|pct|%)(?= )", r"\1 percentage", text)


def _placed(text: str) -> str:
    """The scene as @."""
    for words, sign in _DATES:
        text = re.sub(rf"\b{words}\b", sign, text)
    text = re.sub(rf"\b(?:{_THIS} )?(?:{_KIND} )*{_PICTURE}\b", "@", text)
    text = re.sub(rf"\b(?:{_THIS}|whole|entire)(?: {_KIND})* {_AREA}\b(?! (?:of|covered))", "@", text)
    text = re.sub(r"\bhere\b", "in @", text)
    text = re.sub(r"\bin in @", "in @", text)
    text = re.sub(r"@(?: of @)+", "@", text)
    text = re.sub(r"(?:were|was) there (?:before|earlier|previously)$", "are there in @before", text)
    text = re.sub(r"\b(in|on) (first|second)$", lambda m: "in @before" if m[2] == "first" else "in @after", text)
    text = re.sub(r" , (or|and) ", r" \1 ", text)
    text = re.sub(rf"^(?:{_IN}) @(?: ?, | (?=(?:is|are|do|does|can|how|what|which|where)\b))", "", _spaced(text))
    return _spaced(re.sub(rf" (?:{_IN}) @$", "", text))
