"""A question as typed to a question in plain form: numbers as digits, units as symbols, no articles, the scene as @.

`@` stands for the picture, image, scene or map itself; `@before` and `@after` for the first and second of two dates.
"""

import re
import unicodedata
from pathlib import Path

from geoglot.tasks.ask.grammar.lexicon import MULTIPLES, NUMBERS, SCALES, UNIT_WORDS

_NUMBER = r"\d+(?:\.\d+)?"
_SCALE = rf"(?:{'|'.join(SCALES)})(?!\S)"
_WORD = rf"(?:{'|'.join(NUMBERS)})(?:-(?:{'|'.join(NUMBERS)}))?(?!\S)"
_REST = rf"(?: {_SCALE}| {_WORD}| and {_WORD}(?! {_SCALE}))*"
#: "ninety", "two hundred and fifty", "2.5 million", and "hundred" after "a"
_NUMBER_WORDS = re.compile(
    rf"(?<!\S)(?:(?:{_NUMBER}(?= {_SCALE})|{_WORD}(?: {_WORD})*)(?: {_SCALE}{_REST})?|(?<=\ba ){_SCALE}{_REST})"
)
_ONE_UNIT = r"square (?:met|kil|feet|foot|ft|mile|k?m\b)|hectare|acre|kilomet|metre|meter|mile|km"
_TEXT = Path(__file__).with_name("rewrites.txt").read_text("utf-8")


def _rewrites(section: str) -> list[tuple[re.Pattern[str], str]]:
    lines = re.split(r"^\[(\w+):.*\n", _TEXT, flags=re.MULTILINE)
    text = lines[lines.index(section) + 1]
    for name, expression in re.findall(r"^([A-Z]+) = (.+)", lines[0], re.MULTILINE):
        text = text.replace(f"{{{name}}}", expression)
    pairs = [line.split(" ->") for line in text.splitlines() if " ->" in line and not line.startswith("#")]
    return [(re.compile(pattern), right.strip().replace("_", " ")) for pattern, right in pairs]


_TYPED, _POLITE, _PLAIN = _rewrites("typed"), _rewrites("polite"), _rewrites("plain")


def plain(question: str) -> str:
    """A question in plain form; the grammar reads nothing else."""
    text = unicodedata.normalize("NFKC", question.replace("²", "2")).lower().strip()
    text, before = _rewritten(text, _TYPED), ""
    while text != before:
        text, before = _rewritten(text, _POLITE) or text, text
    return _rewritten(_units(_digits(text)), _PLAIN)


def _rewritten(text: str, rewrites: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, right in rewrites:
        text = " ".join(pattern.sub(right, text).split()).strip(" ,")
    return text


def _digits(text: str) -> str:
    """Number words as digits: "two hundred and fifty" as 250, "a dozen" as 12, "half a hectare" as 0.5 hectare."""
    text = _NUMBER_WORDS.sub(_as_digits, text)
    text = re.sub(r"\bhalf (?:a |an |of a )(?=\w)(?!of)", "0.5 ", text)
    text = re.sub(rf"\b(?:a )?quarter (?:of )?(?:an? )?(?=(?:{_ONE_UNIT}))", "0.25 ", text)
    text = re.sub(rf"\b(?:a|an) (?=(?:{_ONE_UNIT}))", "1 ", text)
    for word, number in MULTIPLES.items():
        text = re.sub(rf"\b(?:a )?{word}\b(?: of)?", str(number), text)
    return text


def _as_digits(match: re.Match[str]) -> str:
    words = match[0].split()
    total, current = 0.0, 1.0 if words[0] in SCALES else 0.0
    for word in words:
        scale = SCALES.get(word, 0)
        if scale >= 1000:
            total, current = total + current * scale if current else total * scale, 0.0
        elif scale:
            current *= scale
        elif word != "and":
            current += sum(NUMBERS[part] for part in word.split("-")) if word[0].isalpha() else float(word)
    number = total + current
    return f"{number:g}" if number < 1e6 else str(int(number))


def _units(text: str) -> str:
    """Units as symbols, fixed to their number: 500m²; alone after "in" or "many" too."""
    for words, symbol in UNIT_WORDS:
        text = re.sub(rf"({_NUMBER}) ?-?(?:{words})(?![\w²])", rf"\1{symbol}", text)
        if len(symbol) > 1 or symbol == "%":
            text = re.sub(rf"\b(in|many|per|much) (?:{words})(?![\w²])", rf"\1 {symbol}", text)
        else:
            text = re.sub(r"\b(in|many|per) (?:metres|meters|m)\b", r"\1 m", text)
    return re.sub(r"\b(what|which) (?:percent|pct|%)(?= )", r"\1 percentage", text)
