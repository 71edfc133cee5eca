"""Commands that are shown in the docs, in the Dockerfile and by --help have the flags that they are shown with."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from geoglot.cli.commands import SECTIONS
from geoglot.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?:sh)?\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHOWN = re.compile(r"^(?:\$ |[# ]*docker run .* )?geoglot ([a-z]+\b(?: .*)?)$", re.MULTILINE)
_FLAG = re.compile(r"--?[a-z][\w-]*")


def shown(text: str) -> list[str]:
    """What is typed after `geoglot` in lines of a text."""
    found: list[str] = _SHOWN.findall(text.replace("\\\n", " "))
    return [line for line in found if line.split()[0] in COMMANDS]


def of_page(page: Path) -> list[str]:
    return [line for block in _BLOCK.findall(page.read_text(encoding="utf-8")) for line in shown(block)]


def unknown_flags(line: str) -> list[str]:
    """The flags in a line that its command does not have."""
    words = iter(shlex.split(line, comments=True))
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), next(words, "--help"))
    if command is None:  # `models --help`
        return []
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in words if _FLAG.fullmatch(word) and word not in {*known, "--help"}]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_commands_of_a_page_have_their_flags(page: Path) -> None:
    assert {line: flags for line in of_page(page) if (flags := unknown_flags(line))} == {}


def test_commands_of_the_dockerfile_and_of_help_have_their_flags() -> None:
    docker = shown((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    helped = shown("\n".join(each.example for section in SECTIONS.values() for each in section))
    assert len(docker) == 2 and len(helped) > 15
    assert {line: flags for line in [*docker, *helped] if (flags := unknown_flags(line))} == {}
