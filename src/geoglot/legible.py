"""Texts that others wrote, such as names, licences and replies, as a message can show them."""

import re

#: C0 (except tab and line feed), DEL, C1, line separators, and marks that turn the direction of writing
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
#: What XML, and with it a file that GDAL writes, cannot hold: control characters, halves of characters, non-characters
_NOT_IN_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST, _END = 400, 120


def visible(text: str) -> str:
    """Escape the control characters of a text, so that a name cannot move the cursor or fake another line."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: object) -> str:
    """A value as one line of text."""
    return " ".join(str(text).splitlines())


def reason_of(error: BaseException, most: int = 200) -> str:
    """What a library's error says, in one line of at most `most` characters."""
    return " ".join(str(error).split())[:most]


def find_unwritable(text: str) -> str | None:
    """The first character of a text that no file of results can hold, written as U+001B; None without one."""
    wrong = _NOT_IN_XML.search(text)
    return f"U+{ord(wrong[0]):04X}" if wrong else None


def message_of(text: object) -> str:
    """A text as one visible line of fewer than 400 characters; a longer one keeps its start and its end."""
    line = visible(one_line(text).replace("\t", " "))
    return line if len(line) < _LONGEST else f"{line[: _LONGEST - _END - 5]} ... {line[len(line) - _END + 1 :]}"
