"""Pages of the docs as a reader follows them: what a page tells to type is run, and prints what the page shows."""

from __future__ import annotations

import re
import shlex
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from click.testing import CliRunner

from geoglot.cli.main import cli

DOCS = Path(__file__).parents[1] / "docs"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d[\d,.]*(?: (?:m²|ha|km²))?")
_CUT = "..."


@dataclass
class Block:
    """Something to type, and what the page shows below it."""

    language: str
    source: str
    shown: str = ""
    """The fence without a language that follows, if it is an output."""

    @property
    def commands(self) -> list[str]:
        """The lines that run geoglot."""
        lines = self.source.replace("\\\n", " ").splitlines()
        return [line for line in lines if line.startswith("geoglot ")]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that say that they can be run: sh and python."""
    found: list[Block] = []
    for language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language in ("sh", "python"):
            found.append(Block(language, text))
        elif not language and found and not found[-1].shown and not text.startswith(("geoglot ", "$ ", "#", "pip ")):
            found[-1].shown = text
    return found


def run(block: Block, names: dict[str, object]) -> str:
    """What a block prints; the namespace goes from one Python block to the next. A command that fails is an error."""
    if block.language == "python":
        out = StringIO()
        with redirect_stdout(out):
            exec(compile(block.source, "page", "exec"), names)
        return out.getvalue()
    printed = ""
    for command in block.commands:
        result = CliRunner().invoke(cli, shlex.split(command, comments=True)[1:], catch_exceptions=False)
        assert result.exit_code == 0, f"{command}\n{result.output}"
        printed = result.output
    return printed


def not_printed(shown: str, printed: str) -> list[str]:
    """The lines of a page that the last command of a block did not print. Figures are another machine's."""
    said = {_masked(line) for line in printed.splitlines()}
    return [line for line in shown.splitlines() if line.strip() not in ("", _CUT) and _masked(line) not in said]


def _masked(line: str) -> str:
    line = re.sub(r"\S*/(?=demo-output/)", "", line)  # the folder of the run
    return " ".join(_NUMBER.sub("#", line).split())
