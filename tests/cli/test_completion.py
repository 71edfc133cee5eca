import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_the_script(shell: str, tmp_path: Path) -> None:
    made = CliRunner().invoke(cli, ["completion", shell])
    assert made.exit_code == 0 and "_GEOGLOT_COMPLETE" in made.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    script = tmp_path / "script"
    script.write_text(made.stdout)
    subprocess.run([shell, "-n", script], check=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("geoglot se", {"segment", "search", "serve"}),
        ("geoglot segment --ref", {"--refine"}),
        ("geoglot segment --refine ", {"none", "edges", "sam"}),
        ("geoglot models ", {"list", "show", "pull"}),
    ],
)
def test_commands_flags_and_choices_are_completed(words: str, expected: set[str]) -> None:
    count = len(words.split()) - (not words.endswith(" "))
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(count), "_GEOGLOT_COMPLETE": "bash_complete"}
    code = "from geoglot.cli.main import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert expected <= {line.partition(",")[2] for line in told.stdout.splitlines()}


def test_another_shell_is_refused() -> None:
    assert CliRunner().invoke(cli, ["completion", "csh"]).exit_code == 2


def test_completing_after_log_writes_nothing(tmp_path: Path) -> None:
    asked = {
        "COMP_WORDS": "geoglot segment --log run.log --ref",
        "COMP_CWORD": "4",
        "_GEOGLOT_COMPLETE": "bash_complete",
    }
    code = "from geoglot.cli.main import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, cwd=tmp_path
    )
    assert "--refine" in told.stdout and list(tmp_path.iterdir()) == []


def test_a_completion_says_what_a_command_does() -> None:
    asked = {"COMP_WORDS": "geoglot recipe", "COMP_CWORD": "recipe", "_GEOGLOT_COMPLETE": "fish_complete"}
    code = "from geoglot.cli.main import main; main()"
    told = subprocess.run([sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True)
    assert "recipes" in told.stdout and "Recipes to copy and change" in told.stdout, told
