from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from geoglot.errors import AnswerError, ModelError
from geoglot.tasks.ask.chat_template import apply_template, render
from geoglot.tasks.ask.gguf_check import check_gguf
from geoglot.tasks.ask.plan import Message

_LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def test_a_template_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{{ bos }}\r\n{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    assert apply_template(template, {"bos": "<s>"}, [Message("user", "Été")], "it") == "<s>\nuser: Été\n"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ messages.__class__.__mro__ }}", "unsafe"),
        ("{{ raise_exception('no system role') }}", "no system role"),
        ("{{ 'a' * 10 ** 7 }}", "may be read"),
    ],
)
def test_a_template_that_fails_says_why(template: str, said: str, tmp_path: Path) -> None:
    request = {"template": template, "tokens": {}, "turns": [{"role": "user", "content": "hello"}]}
    (tmp_path / "request.json").write_text(json.dumps(request))
    with pytest.raises(AnswerError, match=said):
        render(str(tmp_path / "request.json"))


def test_a_template_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_READ_SECONDS", "1")
    with pytest.raises(AnswerError, match=r"the chat template of it cannot hold .* more than 1 s of computing"):
        apply_template(_LOOP, {}, [Message("user", "hello")], "it")


@pytest.mark.parametrize(
    "rest",
    [
        struct.pack("<QQ", 2**60, 1),
        struct.pack("<QQQ", 0, 1, 2**60),
        struct.pack("<QQQ", 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**60),
        struct.pack("<QQQ", 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 4, 2**60),
        struct.pack("<QQQ", 0, 1, 1) + b"a" + struct.pack("<I", 99),
    ],
)
def test_a_gguf_that_lies_about_its_lengths_is_refused(tmp_path: Path, rest: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + struct.pack("<I", 3) + rest)
    with pytest.raises(ModelError, match="not a whole GGUF file"):
        check_gguf(tmp_path / "a.gguf")
