from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.demo import SCENE
from geoglot.tasks.ask.ask_many import Answers
from worlds import class_field, paint, write_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    return write_scene(path, paint(class_field((160, 200), 3), ("water", "forest", "roof")))


def run(*arguments: object, typed: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["ask", *map(str, arguments)], input=typed)
    return result.exit_code, result.stdout, result.stderr


def test_one_document_on_stdout_and_the_same_answer_again(scene: Path, tmp_path: Path) -> None:
    code, out, _ = run(scene, "Is it a rural or an urban area?", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["value"] in ("rural", "urban")
    assert document["planner"] == "rules"
    kept = tmp_path / "answer.json"
    kept.write_text(out)
    code, again, err = run(scene, "--replay", kept, "--json")
    assert code == 0, err
    assert json.loads(again)["value"] == document["value"]


def test_a_replayed_answer_writes_its_evidence(scene: Path, tmp_path: Path) -> None:
    kept = tmp_path / "answer.json"
    kept.write_text(run(scene, "How many lakes are there?", "--json")[1])
    code, out, err = run(scene, "--replay", kept, "--evidence", tmp_path / "again.geojson")
    assert code == 0, err
    assert f"evidence  {tmp_path / 'again.geojson'}" in out
    assert (tmp_path / "again.png").is_file()


def test_evidence_and_program_are_given(scene: Path, tmp_path: Path) -> None:
    code, out, err = run(scene, "How many lakes are there?", "--show-program", "--evidence", tmp_path / "lakes.geojson")
    assert code == 0, err
    assert 'find("lake")' in out
    assert "confidence" in out
    assert f"evidence  {tmp_path / 'lakes.geojson'}\npicture   {tmp_path / 'lakes.png'}" in out
    assert (tmp_path / "lakes.png").is_file()


def test_a_refusal_is_exit_code_1_and_still_a_document(scene: Path) -> None:
    code, out, _ = run(scene, "Why is the sky blue?", "--json")
    assert code == 1
    assert json.loads(out)["value"] is None
    assert "nearest form" in json.loads(out)["text"]


def test_the_prompt_keeps_a_history(scene: Path, tmp_path: Path) -> None:
    lines = [
        ":show",
        "Is it rural or urban?",
        ":show",
        f":evidence {tmp_path / 'e.geojson'}",
        ":history",
        ":what",
        ":quit",
    ]
    code, out, err = run(scene, typed="\n".join(lines) + "\n")
    assert code == 0, err
    assert "The scene looks" in out
    assert "ask something first" in err
    assert "classify(" in err
    assert "1  Is it rural or urban?" in err
    assert (tmp_path / "e.geojson").is_file()


def test_several_scenes_are_asked_the_same(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.tif").write_bytes(scene.read_bytes())
    code, out, _ = run(scene, tmp_path, "Is it rural or urban?", "--json")
    assert code == 0
    document = json.loads(out)
    assert len(document["results"]) == 2 and document["answers"] == document["results"]


def test_more_scenes_than_the_best_are_narrowed_and_it_is_told(scene: Path, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.tif").write_bytes(scene.read_bytes())
    (tmp_path / "broken.tif").write_bytes(b"no image")
    code, out, err = run(tmp_path, "Is there a lake?", "--best", 1, "--json")
    document = json.loads(out)
    assert code == 3
    assert [one["source"] for one in document["answers"]] == [str(tmp_path / "0.tif")]
    (told,) = document["narrowed"]
    assert [Path(one["source"]).name for one in told["left_out"]] == ["1.tif", "broken.tif"]
    assert told["names"] == ["lake"] and told["asked"][0]["score"] == told["left_out"][0]["score"]
    assert "left out" in err and "broken.tif" in err
    (tmp_path / "broken.tif").unlink()
    code, out, err = run(tmp_path, "Is it rural or urban?", "--best", 1)
    assert code == 0
    assert out.count("The scene looks") == 2
    assert "all 2 scenes are asked" in err


def test_a_scene_that_cannot_be_read_does_not_end_the_others(scene: Path, tmp_path: Path) -> None:
    for name in ("a.tif", "c.tif"):
        (tmp_path / name).write_bytes(scene.read_bytes())
    (tmp_path / "b.tif").write_bytes(b"no image")
    code, out, err = run(tmp_path, "Is there a lake?", "--json")
    document = json.loads(out)
    assert code == 3 and [Path(answer["source"]).name for answer in document["answers"]] == ["a.tif", "c.tif"]
    assert list(document["unreadable"]) == [str(tmp_path / "b.tif")] and "b.tif" in err


def test_where_no_scene_can_be_read_it_is_an_error(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.tif").write_bytes(b"no image")
    code, out, err = run(tmp_path, "Is there a lake?", "--best", 2, "--json")
    assert (code, out) == (1, "")
    assert "no scene can be read" in err and "2.tif" in err


def test_a_question_without_a_program_is_told_once_and_asks_no_scene(scene: Path, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.tif").write_bytes(scene.read_bytes())
    code, out, err = run(tmp_path, "Why is the sky blue?", "--best", 2)
    assert (code, out) == (1, "")
    assert "none of 3 scenes is asked" in err and err.count("nearest form") == 1
    code, out, err = run(tmp_path, "Why is the sky blue?", "Is it rural or urban?", "--best", 2, "--json")
    document = json.loads(out)
    assert code == 1
    assert [one["question"] for one in document["answers"]] == ["Is it rural or urban?"] * 3
    refused, told = document["narrowed"]
    assert "nearest form" in refused["refused"] and refused["asked"] == [] and len(refused["left_out"]) == 3
    assert "refused" not in told


def test_a_language_model_that_is_not_there_is_told_once(scene: Path, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.tif").write_bytes(scene.read_bytes())
    llm = ("--planner", "llm", "--llm-url", "http://127.0.0.1:9/v1", "--llm-model", "none")
    code, out, err = run(tmp_path, "Is there a lake?", "--best", 2, *llm)
    assert (code, out) == (1, "")
    assert err.count("is the server running") == 1


def test_a_question_that_names_dates_is_asked_of_the_scenes_of_these_dates(tmp_path: Path) -> None:
    with rasterio.open(SCENE) as source:
        ground = (source.read((1, 2, 3), window=((100, 300), (0, 400))) / 4).clip(1, 255).astype(np.uint8)
    cleared = ground.copy()
    cleared[:, 40:160, 180:320] = 200  # most of it was a wood
    scenes = []
    for year, shown in (("2010", ground), ("2015", ground), ("2020", cleared)):
        scenes.append(write_scene(tmp_path / f"town_{year}.tif", shown))
    question, evidence = "How much forest was lost since 2015?", tmp_path / "lost.geojson"
    code, out, err = run(*scenes, question, "--json", "--evidence", evidence)
    assert code == 0, err
    document = json.loads(out)
    assert document["question"] == question and document["value"] > 0
    assert [document["source"], document["after"]] == list(map(str, scenes[1:]))
    assert evidence.is_file()
    code, out, err = run(scenes[1], question, "--after", scenes[2])
    assert code == 0, err
    assert "the dates that are compared are 2015 and 2020" in out
    code, out, err = run(*scenes, "How much forest was lost since 2020?")
    assert (code, out) == (2, "") and "two dates are needed" in err


def test_a_question_longer_than_a_file_name_is_a_question(scene: Path) -> None:
    code, out, _ = run(scene, "how many ships " * 40, "--json")
    assert code == 1
    assert "300 characters" in json.loads(out)["text"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.tif", "How many ships?"], "no file or folder none.tif"),
        (["SCENE", "other.tif", "How many ships?"], "there is no such file"),
        (["SCENE", "How many ships?", "--evidence", "x.png"], ".geojson"),
        (["SCENE", "--json"], "needs a question"),
        (["SCENE", ""], "the question is empty"),
        (["SCENE", "How many ships?", "--planner", "llm"], "GEOGLOT_LLM_URL"),
        (["SCENE", "--replay", "none.json"], "none.json"),
    ],
)
def test_wrong_inputs_say_what_to_do(scene: Path, arguments: list[str], said: str) -> None:
    code, out, err = run(*[scene if one == "SCENE" else one for one in arguments])
    assert code == 2
    assert said in err
    assert out == ""


@pytest.mark.parametrize(("flags", "model"), [([], None), (["--model", "mini"], "mini")])
def test_an_archive_loads_its_own_model_on_the_device_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], model: str | None
) -> None:
    def ask_archive(place: str, questions: list[str], **settings: Any) -> Answers:
        assert (place, questions) == (str(tmp_path), ["Which scenes contain water?"])
        assert (settings["model"], settings["options"].device) == (model, "cpu")
        return Answers((), (answer for answer in ()))

    (tmp_path / "archive.json").touch()
    monkeypatch.setattr("geoglot.tasks.ask.ask_archive.ask_archive", ask_archive)
    monkeypatch.setattr("geoglot.models.zoo.load_model", lambda *_, **__: pytest.fail("loaded for nothing"))
    code, _, err = run(tmp_path, "Which scenes contain water?", "--device", "cpu", *flags)
    assert code == 0, err
