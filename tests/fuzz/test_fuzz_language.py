"""Words of people and of language models: questions, conditions, classes, replies, programs and replays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polygons import StubScene

from archives import make_batch
from fuzz.changes import TEXTS, contents, documents, texts
from fuzz.oracle import ends_well, examples
from geoglot.index.search.where import parse_where
from geoglot.models.zoo import load_word_model
from geoglot.scene.class_words import parse_classes
from geoglot.scene.text_vectors import class_vectors
from geoglot.scene.wording import word_notes
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.chat import Endpoint, OpenAIChat
from geoglot.tasks.ask.limits import Limits
from geoglot.tasks.ask.llm import LanguageModel
from geoglot.tasks.ask.plan import Message, Plan
from geoglot.tasks.ask.rules import Rules
from hostile import HOSTILE

EVERYDAY = Path(__file__).parents[1] / "tasks" / "ask" / "everyday.txt"
REPLY = {
    "id": "1", "object": "chat.completion", "created": 1, "usage": {"total_tokens": 3},
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "```python\nanswer(count(find('ship')))\n```"}}],
}  # fmt: skip
PROGRAM = (
    "ships = find('ship', part('upper left'))\nbig = larger(ships, 3.5)\nif exists(big):\n"
    "    answer(amount(area_m2(big), 'm²'), there_are(count(big), 'ship'))\nelse:\n    answer(0.5)\n"
)
HEADERS = ("Retry-After", "Content-Type", "Content-Encoding", "Location", "Content-Length", "Set-Cookie", "X-Other")


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    scene = StubScene({"ship": [(10, 10, 20, 40), (100, 100, 110, 140)]})
    with Asker(scene, options=AskOptions(limits=Limits(seconds=1.0, memory_mb=32))) as one:
        yield one


@pytest.fixture(scope="module")
def questions() -> list[str]:
    lines = [line.strip() for line in EVERYDAY.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")][:200]


def test_questions(asker: Asker, questions: list[str]) -> None:
    changed = st.sampled_from(questions).flatmap(texts)

    @examples(60)
    @given(st.one_of(changed, st.text(max_size=400), st.sampled_from(TEXTS)))
    def check(question: str) -> None:
        ends_well(lambda: Rules().plan(question))

    check()

    @examples(6)
    @given(changed)
    def check_answers(question: str) -> None:
        ends_well(lambda: json.dumps(asker.ask(question).to_json(), allow_nan=False))

    check_answers()


def test_programs(asker: Asker) -> None:
    programs = st.sampled_from([PROGRAM, *(program for program in HOSTILE.values() if "while" not in program)])

    @examples(12)
    @given(st.one_of(texts(PROGRAM), programs.flatmap(lambda program: texts(program[:3000]))))
    def check(program: str) -> None:
        ends_well(lambda: json.dumps(asker.run("How many?", Plan(program)).to_json(), allow_nan=False))

    check()


def test_replays(asker: Asker) -> None:
    seed = asker.ask("How many ships are there?").to_json()

    @examples(15)
    @given(documents(json.loads(json.dumps(seed))))
    def check(text: str) -> None:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return  # the command line says so
        if isinstance(document, dict):
            ends_well(lambda: asker.replay(document))

    check()


def test_replies(asker: Asker) -> None:
    headers = st.dictionaries(
        st.sampled_from(HEADERS), st.sampled_from(["0", "-1", "9" * 30, "\u00b2", "nan", "gzip", "text/html", ""])
    )
    bodies = st.one_of(
        documents(REPLY).map(lambda text: text.encode("utf-8", "surrogatepass")), contents(json.dumps(REPLY).encode())
    )

    @examples(40)
    @given(st.sampled_from([200, 200, 200, 200, 204, 301, 400, 404, 429, 500, 503]), headers, bodies)
    def check(status: int, more: dict[str, str], body: bytes) -> None:
        def serve(request: httpx2.Request) -> httpx2.Response:
            raw = [(name.encode(), value.encode("latin-1")) for name, value in more.items()]
            return httpx2.Response(status, headers=raw, content=body)

        endpoint = Endpoint("http://127.0.0.1:9/v1", "m", "secret", seconds=5.0, tries=2)

        def ask() -> None:
            with OpenAIChat(endpoint, lambda seconds: None, httpx2.MockTransport(serve)) as chat:
                chat.reply([Message("user", "How many?")])

        ends_well(ask)

    check()


class Parrot:
    """A language model that always says the same."""

    name = "parrot"

    def __init__(self, says: str) -> None:
        self._says = says

    def reply(self, messages: Any) -> str:
        return self._says


def test_what_a_language_model_says(asker: Asker) -> None:
    @examples(5)
    @given(texts(f"Here:\n```python\n{PROGRAM}```\nGood luck"))
    def check(reply: str) -> None:
        ends_well(
            lambda: LanguageModel(Parrot(reply), mends=0).plan("How many?", lambda text: asker.run("", Plan(text)))
        )

    check()


WHERES = (
    "cloud < 0.1 and (time >= '2024-05-01' or not source like '%2024%')", "scale_m = 224 or nodata <> -1.5e0",
    "cell is not null and crs == 'EPSG:32631' and not (not (window_row >= .5))", f"{'(' * 49}cloud > 1{')' * 49}",
    " or ".join(["cloud = 1"] * 300),
)  # fmt: skip


def test_conditions_of_a_search() -> None:
    chips = make_batch(4).chips
    words = [
        "and",
        "or",
        "not",
        "(",
        ")",
        "is",
        "null",
        "like",
        "'%_'",
        "<",
        ">=",
        "=",
        "1",
        "-.5",
        *chips.column_names,
    ]
    spoken = st.lists(st.sampled_from([*words, *map(str, TEXTS)]), max_size=9).map(" ".join)

    @examples(150)
    @given(st.one_of(st.sampled_from(WHERES).flatmap(texts), spoken, spoken.map(lambda text: f"cloud < 1 or {text}")))
    def check(text: str) -> None:
        ends_well(lambda: parse_where(text).rows(chips))

    check()


CLASS_FILES = {
    "classes.json": documents({"water": ["river", "lake"], "roof": "a, b", "sand": []}),
    "list.json": documents(["water", "roof", "sand"]),
    "classes.txt": texts("# mine\nwater: river, lake\nroof\nsand: beach\n"),
}


@pytest.fixture(scope="module")
def read_classes() -> Callable[[Any], None]:
    """Parses classes and embeds them as mini reads them."""
    model = load_word_model("mini", device="cpu")

    def use(classes: Any) -> None:
        parsed = parse_classes(classes)
        word_notes(model, parsed[:20])
        class_vectors(model, parsed[:3], ("a {}",))

    return use


def test_classes(read_classes: Callable[[Any], None]) -> None:
    @examples(25)
    @given(
        st.one_of(
            st.text(max_size=60),
            texts("water, forest, roof"),
            st.lists(st.one_of(st.sampled_from(TEXTS), st.text(max_size=10)), max_size=5),
            st.dictionaries(st.text(max_size=5), st.lists(st.sampled_from(TEXTS), max_size=3), max_size=3),
        )
    )
    def check(classes: Any) -> None:
        ends_well(lambda: read_classes(classes))

    check()


@pytest.mark.parametrize("name", CLASS_FILES)
def test_files_of_classes(name: str, read_classes: Callable[[Any], None], place: Path) -> None:
    @examples(12)
    @given(CLASS_FILES[name])
    def check(text: str) -> None:
        (place / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        ends_well(lambda: read_classes(place / name))

    check()
