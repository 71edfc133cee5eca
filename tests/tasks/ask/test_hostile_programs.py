"""Programs that import or look for names without end, and documents of answers with anything in them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from polygons import StubScene

from geoglot.errors import AnswerError, InputError, LimitError
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.chat import Endpoint
from geoglot.tasks.ask.limits import Budget, Limits
from geoglot.tasks.ask.plan import Plan
from geoglot.tasks.ask.sandbox import ProgramError, Sandbox
from geoglot.tasks.ask.scene_things import Sighting
from geoglot.tasks.ask.vocabulary import Vocabulary


class SlowScene(StubScene):
    """Every name takes some time of the model."""

    def find(self, name: str) -> Sighting:
        time.sleep(0.05)
        return super().find(name)


IMPORTS = (
    "import os\nanswer(1)", "from sys import version\nanswer(1)",
    "def f() -> int:\n    import re\n    return 1\nanswer(f())",
    "exec('import os')\nanswer(1)", "run = eval\nrun('1')\nanswer(1)", "__import__('os')\nanswer(1)",
)  # fmt: skip


@pytest.fixture
def sandbox() -> Any:
    with Sandbox(Limits(seconds=5.0)) as one:
        yield one


def test_imports_are_refused_before_a_program_runs(sandbox: Sandbox) -> None:
    for program in IMPORTS:
        scene = StubScene({})
        words = Vocabulary(scene, None, Budget(Limits()))
        for check in (True, False):
            with pytest.raises(ProgramError, match="must not import"):
                sandbox.run(f"find('ship')\n{program}", words, check=check)
        with pytest.raises(ProgramError, match="must not import"):
            sandbox.check(program)
        assert not scene.looks


def test_many_names_stop_at_the_time_limit() -> None:
    scene = SlowScene({})
    words = Vocabulary(scene, None, Budget(Limits(seconds=0.5)))
    with pytest.raises(LimitError, match="GEOGLOT_ASK_SECONDS allows more"):
        for number in range(99):
            words.call("find", f"thing {number}")
    assert 10 <= len(scene.looks) < 40  # the time of the first ten is not counted: a scene may be large


def test_errors_have_short_lines(sandbox: Sandbox) -> None:
    words = Vocabulary(StubScene({}), None, Budget(Limits()))
    for program in ("x = " + "(" * 5000, "raise ValueError('a' * 5000000)", "x = 1" + "+1" * 9000):
        with pytest.raises(AnswerError) as caught:
            sandbox.run(program, words)
        assert max(map(len, str(caught.value).splitlines())) < 260


@pytest.mark.parametrize("value", [5, [], {}, True, 1.5, ["x"]])
def test_a_document_of_an_answer_holds_texts(value: object) -> None:
    with Asker(StubScene({"ship": [(1, 1, 5, 5)]}), options=AskOptions()) as asker:
        document = asker.run("How many?", Plan("answer(count(find('ship')))")).to_json()
        for name in ("question", "program", "planner", "kind", "text", "refiner"):
            with pytest.raises(InputError, match=f"{name} in the document must be a text"):
                asker.replay({**document, name: value})
        with pytest.raises(AnswerError) as caught:
            asker.replay({**document, "text": "a" * 10**6})
        assert len(str(caught.value)) < 700


@pytest.mark.parametrize("url", ["http://", "http://[bad/v1", "file:///v1", "http://a:port/v1", "http://a/\r\nHost: b"])
def test_the_address_and_key_of_a_language_model_can_be_sent(url: str) -> None:
    with pytest.raises(InputError, match="address of a language model"):
        Endpoint(url, "m")
    with pytest.raises(InputError, match="printable ASCII") as caught:
        Endpoint("http://a/v1", "m", "geheim\nß")
    assert "geheim" not in str(caught.value)


def test_a_login_is_told_in_no_form() -> None:
    end = Endpoint("http://me:p%40ss@127.0.0.1/v1", "m", "key-1")
    assert end.redact("Basic bWU6cEBzcw== p%40ss p@ss key-1") == "Basic *** *** *** ***"
