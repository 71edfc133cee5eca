"""The version is one everywhere: in the package, the changelog, the release notes and the citation."""

import re
from pathlib import Path

import yaml

from geoglot.version import __version__

ROOT = Path(__file__).parents[1]


def test_the_version_has_a_section_notes_and_a_citation() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(__version__)} \(", changelog, re.MULTILINE)
    assert (ROOT / f"docs/release-{__version__}.md").is_file()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)


def test_the_templates_of_issues_say_what_they_are_for() -> None:
    templates = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.md"))
    assert len(templates) >= 3
    for template in templates:
        head = yaml.safe_load(template.read_text(encoding="utf-8").split("---")[1])
        assert head["name"] and head["about"], template
