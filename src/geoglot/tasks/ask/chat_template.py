"""Apply the chat template of a language model: a program of its authors, which runs in a child process with limits."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from geoglot.bounded import Limits, run_bounded
from geoglot.errors import AnswerError, ChildError
from geoglot.legible import reason_of
from geoglot.settings import load_settings
from geoglot.tasks.ask.plan import Message

_LONGEST = 2_000_000  # characters that a template may make of a conversation
_ADVICE = "; take another model, or raise GEOGLOT_READ_SECONDS and GEOGLOT_READ_MB if you trust it"


def apply_template(template: str, tokens: Mapping[str, str], messages: Sequence[Message], model: str) -> str:
    """The conversation as the text that a language model reads; AnswerError if its template fails or does not end."""
    request = {"template": template, "tokens": dict(tokens), "turns": [asdict(message) for message in messages]}
    settings = load_settings()
    limits = Limits(float(settings.read_seconds), float(settings.read_mb), _ADVICE)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "request.json"
        file.write_text(json.dumps(request, default=str), encoding="ascii")
        try:
            return str(json.loads(run_bounded(f"{__name__}:render", str(file), limits=limits)))
        except (AnswerError, ChildError) as error:
            raise AnswerError(f"the chat template of {model} cannot hold this conversation: {error}") from error


def render(file: str) -> str:
    """The work of the child: the rendered conversation as JSON. AnswerError says why there is none."""
    request = json.loads(Path(file).read_text(encoding="ascii"))
    try:
        rendered: Any = render_jinja_template(
            conversations=[request["turns"]],
            chat_template=request["template"],
            add_generation_prompt=True,
            **request["tokens"],
        )
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise AnswerError(reason_of(error)) from None
    text = rendered[0][0]
    if len(text) > _LONGEST:
        raise AnswerError(f"it makes {len(text):,} characters of it, and {_LONGEST:,} may be read")
    return json.dumps(text)
