"""The forms of questions, from `questions.txt`, in the order in which they are tried."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from geoglot.tasks.ask.grammar import read_change, read_compare, read_ground, read_scene, read_things
from geoglot.tasks.ask.grammar.noun import NotUnderstood
from geoglot.tasks.ask.grammar.patterns import QUESTIONS, Groups, expression, kept
from geoglot.tasks.ask.grammar.queries import Query


@dataclass(frozen=True)
class Form:
    """One way to ask: patterns, tried in order, and the reader that turns their words into a query."""

    kind: str
    """The kind of its answer: presence, count, area, share, ..."""
    example: str
    reader: Callable[[Groups], Query]
    ask: str
    """The variant of the reader: "which", "count"."""
    patterns: tuple[re.Pattern[str], ...]

    def read(self, question: str) -> Query | None:
        """The query of a plain question; None if it is not of this form, NotUnderstood for an unread phrase."""
        unread: NotUnderstood | None = None
        for pattern in self.patterns:
            match = pattern.fullmatch(f"{question} ")
            try:
                if match:
                    return self.reader(Groups(kept(match), ask=self.ask))
            except NotUnderstood as error:
                unread = error
        if unread:
            raise unread
        return None


_READERS = vars(read_change) | vars(read_compare) | vars(read_ground) | vars(read_scene) | vars(read_things)


def _form(text: str) -> Form:
    head, *patterns = re.sub(r"\n    ", " ", text).strip().splitlines()
    kind, reader, ask, example = re.findall(r"^(.+?), (\w+) ?(\S*): (.+)$", head)[0]
    compiled = tuple(re.compile(expression(line)) for line in patterns if line and not line.startswith("#"))
    return Form(kind, example, _READERS[reader], ask, compiled)


#: In the order in which a question tries them
FORMS = tuple(_form(text) for text in re.split(r"^= ", QUESTIONS, flags=re.MULTILINE)[1:])
