"""No console loses a document, and no foreign text moves its cursor."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import geoglot
from geoglot.cli.console import PlainStream
from geoglot.cli.main import cli
from geoglot.legible import message_of, one_line, visible
from geoglot.models.card import read_card
from geoglot.models.stored import find_model
from worlds import write_scene

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b1m\u202etxt\u2066"
NOTHING_TO_STEER = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(1, 255, (3, 64, 64), np.uint8)
    return write_scene(tmp_path / "town.tif", pixels)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8", "utf-16-le"])
def test_a_document_survives_every_encoding(encoding: str) -> None:
    document = {"name": "森林 é 🏠 \udcff \\", "unit": "m²", HOSTILE: HOSTILE}
    raw = io.BytesIO()
    stream = PlainStream(io.TextIOWrapper(raw, encoding=encoding))
    text = json.dumps(document, ensure_ascii=False)
    assert stream.write(text) == len(text) and stream.encoding == encoding
    stream.flush()
    written = raw.getvalue().decode(encoding)
    assert json.loads(written) == document and not NOTHING_TO_STEER.search(written)


def test_control_characters_are_shown_and_lines_stay() -> None:
    assert visible("a\tb\nc\r\x1b") == "a\tb\nc\\u000d\\u001b"
    assert visible("Ä ² 森 مبنى 🏠") == "Ä ² 森 مبنى 🏠"
    assert one_line("a\nforged: line\r\n") == "a forged: line"


def test_a_message_keeps_its_start_and_its_advice() -> None:
    assert message_of("x must be 1,\tgot \x1b\n2") == "x must be 1, got \\u001b 2"
    long = message_of(f"x must be 1, got {'y' * 10**6}; give 1")
    assert len(long) < 400 and long.startswith("x must be 1, got yyy") and long.endswith("yyy; give 1")


def test_every_door_writes_its_document_and_its_text(town: Path) -> None:
    doors = [
        ["segment", "town.tif", "--classes", "森林, road", "-o", "map.tif"],
        ["classify", "town.tif", "--classes", "森林, straße, road", "--whole"],
        ["find", "town.tif", "森林"],
        ["models", "show", "mini"],
    ]
    for door in doors:
        result = CliRunner(charset="ascii").invoke(cli, [*door, "--json"])
        assert result.exit_code == 0, (door, result.output)
        assert json.loads(result.stdout)
        assert CliRunner(charset="cp1252").invoke(cli, door).exit_code == 0, door


def test_cards_are_told_in_plain_values() -> None:
    lines = CliRunner().invoke(cli, ["models", "show", "mini"]).stdout.splitlines()
    assert "languages    en" in lines
    finest, coarsest = read_card(find_model("mini")).resolution
    assert f"resolution   {finest}, {coarsest}" in lines


def test_errors_survive_too(town: Path) -> None:
    runner = CliRunner(charset="ascii")
    for arguments in (
        ["segment", "森林.tif", "--classes", "a, b", "-o", "m.tif"],
        ["classify", "town.tif", "--classes", "房屋, road"],
        ["森林"],
        ["segment", "town.tif", "--森林"],
    ):
        result = runner.invoke(cli, arguments)
        assert result.exit_code in (1, 2) and "\\u" in result.stderr, (arguments, result.output)
        assert "unexpected" not in result.stderr


def test_foreign_texts_steer_no_terminal(town: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(Path(geoglot.__file__).parent / "models" / "mini" / "weights", folder)
    card = json.loads((folder / "card.json").read_text("utf-8"))
    told = {"licence": HOSTILE, "source": "a\nforged: line"}
    (folder / "card.json").write_text(json.dumps(card | told), "utf-8")
    shutil.copytree(folder, tmp_path / "called")
    (tmp_path / "called" / "card.json").write_text(json.dumps(card | {"name": HOSTILE}), "utf-8")
    (tmp_path / "words.json").write_text(json.dumps([f"{HOSTILE}trees", "houses"]), "utf-8")
    commands = [
        ["models", "show", "model"],
        ["models", "show", "model", "--json"],
        ["models", "show", "called"],
        ["classify", "town.tif", "--classes", f"{HOSTILE}trees, houses", "--whole", "--model", "model"],
        ["classify", "town.tif", "--classes", "words.json", "--whole", "--json"],
        ["segment", "town.tif", "--classes", "words.json", "-o", "map.tif", "-v"],
        ["ask", "town.tif", f"Is there a {HOSTILE}?"],
        ["classify", HOSTILE, "--classes", "a, b"],
        ["models", "show", HOSTILE],
        ["classify", "town.tif", f"--{HOSTILE}"],
        [HOSTILE],
        ["models", "convert", HOSTILE, "--name", "a"],
    ]
    for command in commands:
        result = CliRunner().invoke(cli, command)
        assert not NOTHING_TO_STEER.search(result.output), (command, result.output)
    shown = CliRunner().invoke(cli, ["models", "show", "model"]).stdout
    assert "\nforged" not in shown and "\\u001b" in shown


def test_answers_go_to_a_pipe_where_stderr_is_a_terminal(town: Path) -> None:
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "geoglot", "ask", "town.tif", "Is there a house?", "Is there a road?"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal) as process:
        os.close(terminal)
        drawn = b""
        try:
            while block := os.read(master, 65536):
                drawn += block
        except OSError:  # how a terminal whose other end is closed ends on Linux
            pass
        stdout = process.communicate(timeout=60)[0].decode()
    os.close(master)
    assert stdout.count("confidence") == 2 and b"confidence" not in drawn and b"windows" in drawn


def test_a_closed_pipe_is_quiet() -> None:
    command = [sys.executable, "-m", "geoglot", "models", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(60) == 1
