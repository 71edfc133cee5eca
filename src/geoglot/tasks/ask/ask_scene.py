"""Questions about one scene of a batch: answers that another process can hand on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geoglot.aliases import PathLike
from geoglot.tasks.ask.answer import Answer
from geoglot.tasks.ask.ask import Asker


@dataclass(frozen=True)
class SceneAnswers:
    """The answers about one scene, in the order of the questions."""

    answers: tuple[Answer, ...]

    def to_json(self) -> dict[str, Any]:
        """The documents of the answers, with all their notes, each once."""
        notes = dict.fromkeys(note for answer in self.answers for note in answer.notes)
        return {"answers": [answer.to_json() for answer in self.answers], "notes": list(notes)}


def ask_scene(source: PathLike, questions: str | Sequence[str], **settings: Any) -> SceneAnswers:
    """Answer questions about a scene, which is encoded once; `settings` are those of `Asker.open`."""
    asked = [questions] if isinstance(questions, str) else questions
    with Asker.open(source, **settings) as asker:
        return SceneAnswers(tuple(map(asker.ask, asked)))
