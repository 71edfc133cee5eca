"""A planner that asks a language model for a program.

The prompt holds the signatures and docstrings of the vocabulary, and examples that the rules worked out. A program is
type-checked against the same signatures before it runs. The model may mend a program that fails, a few times at most.
Its text runs in the sandbox and nowhere else.
"""

import re
from collections.abc import Sequence

from geoglot.errors import AnswerError
from geoglot.tasks.ask.chat import Chat
from geoglot.tasks.ask.plan import Message, Plan, Trial
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.vocabulary import stubs

MENDS = 2
_EXAMPLES = (
    "How many ships are there in the upper left quarter?",
    "Is there a school within 200 m of a river?",
    "What percentage of the image is covered by water?",
    "Are there more buildings than roads?",
    "Where is the largest building?",
    "How far is the school from the river?",
    "Is it a rural or an urban area?",
)
_RULES = """You answer questions about a satellite or aerial scene by writing a short Python program.
Only these functions exist; there are no imports, no files and no other names:

```python
{stubs}
```

Rules:
- Reply with one Python code block and nothing else.
- Names are singular nouns that a person would use: "ship", "tennis court", "forest".
- Call answer(...) exactly once, as the last thing, with a value of the kind that the question asks for:
  True or False, a number with its unit ("m²", "m", "%"), or a text.
- Objects have no len() and no attributes: use count, exists, area_m2 and so on.
- Where a question cannot be answered with these functions, write exactly: answer("cannot be answered")
"""
_AGAIN = "This program failed:\n{error}\nReply with the whole mended program in one code block."
_CANNOT = "cannot be answered"
_FENCED = re.compile(r"```(?:python|py)?[ \t]*\r?\n(.*?)```", re.DOTALL)


class LanguageModelError(AnswerError):
    """A language model wrote no program that works; `messages` is the conversation."""

    def __init__(self, message: str, messages: Sequence[Message]) -> None:
        super().__init__(message)
        self.messages = tuple(messages)


class LanguageModel:
    """A planner that chats with a language model, which may mend a program `mends` times."""

    name = "llm"

    def __init__(self, chat: Chat, mends: int = MENDS) -> None:
        self._chat, self._mends = chat, mends

    def plan(self, question: str, trial: Trial) -> Plan:
        """Return a program that ran in the sandbox; LanguageModelError if there is none."""
        messages = [*prompt(), Message("user", _asked(question))]
        failure = ""
        for _ in range(self._mends + 1):
            try:
                reply = self._chat.reply(messages)
            except AnswerError as error:
                raise LanguageModelError(str(error), messages) from error
            messages.append(Message("assistant", reply))
            program = code_of(reply)
            if _CANNOT in program:
                raise LanguageModelError("the language model says that this cannot be answered here", messages)
            try:
                trial(program)
            except AnswerError as error:
                failure = str(error)
                messages.append(Message("user", _AGAIN.format(error=failure)))
            else:
                return Plan(program, "llm", tuple(messages))
        last = failure.splitlines()[-1] if failure else "no reply"
        raise LanguageModelError(f"no program of {self._mends + 1} by the language model works: {last}", messages)


def prompt() -> list[Message]:
    """The messages that precede every question: the vocabulary, and worked examples."""
    messages = [Message("system", _RULES.replace("{stubs}", stubs()))]
    for question in _EXAMPLES:
        messages.append(Message("user", _asked(question)))
        messages.append(Message("assistant", f"```python\n{Rules().plan(question).program}\n```"))
    return messages


def code_of(reply: str) -> str:
    """The program in a reply: the first code block, or the whole reply if it has none."""
    block = _FENCED.search(reply)
    return (block[1] if block else reply.strip().strip("`")).strip()


def _asked(question: str) -> str:
    # One line cannot look like another turn of the conversation.
    return f"Question: {' '.join(question.split())}"
