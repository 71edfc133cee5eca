from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from geoglot.cli.main import cli
from geoglot.datasets.dataset import Mapped
from geoglot.datasets.sets.class_folders import AID
from geoglot.evaluation.evaluate import _notes
from published import folders


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *arguments])


def aid(root: Path) -> str:
    folders(root / "AID", list(AID.words), each=1)
    return str(root)


def test_one_document_on_stdout(tmp_path: Path) -> None:
    result = run("classification", "aid", "--data", aid(tmp_path), "--limit", "6", "--protocol", "a", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["task"], document["dataset"], document["model"], document["samples"]) == (
        "classification", "aid", "mini", 6,
    )  # fmt: skip
    assert set(document["metrics"]["top1"]) == {"value", "low", "high"}
    assert "pictures" in result.stderr


def test_a_table_for_people(tmp_path: Path) -> None:
    result = run("retrieval", "aid", "--data", aid(tmp_path), "-q", "--split", "all")
    assert result.exit_code == 0 and result.stderr == ""
    assert result.stdout.startswith("retrieval of aid by mini, protocol default, 30 images\n")
    assert "map@100" in result.stdout and " to " in result.stdout
    assert "note: 30 images are here, 10,000 are published" in result.stdout


def test_one_image_is_one(tmp_path: Path) -> None:
    root = aid(tmp_path)
    ran = run("classification", "aid", "--data", root, "-q", "--limit", "1", "--split", "all")
    assert "note: 1 of 30 images was measured" in ran.stdout
    (note,) = _notes(AID, "all", 1, Mapped((), [tmp_path], []))
    assert note.startswith("1 image is here, 10,000 are published")


def test_exit_codes(tmp_path: Path) -> None:
    missing = run("classification", "aid", "--data", str(tmp_path))
    assert missing.exit_code == 1
    assert missing.stderr.startswith("geoglot: AID: the class folders") and missing.stderr.count("\n") == 1
    assert run("classification", "mars", "--data", str(tmp_path)).exit_code == 2
    assert run("dreaming", "aid", "--data", str(tmp_path)).exit_code == 2
    assert run("classification", "aid").exit_code == 2
