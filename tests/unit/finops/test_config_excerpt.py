"""One entry of a YAML file as it is written, and the file with another in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.config import load_configuration
from finops.config.excerpt import excerpt
from finops.paths import PROJECT_DIR

pytestmark = pytest.mark.ids("GUARD-4")

FILE = """\
policies:
  # The first one.
  - id: one
    levels:
      - {level: warn, at: 0.8}

  # The second one.
  - {id: two, levels: []}
"""


def test_every_policy_of_the_project_is_taken_out_and_put_back_unchanged() -> None:
    file = PROJECT_DIR / "config" / "guardrails.yml"
    policies = load_configuration(file.parent).guardrails.policies
    assert len(policies) > 2
    for number, policy in enumerate(policies):
        found = excerpt(file, ("policies", number))
        assert found.text.startswith(f"id: {policy.id}\n")
        assert not found.text.rstrip().splitlines()[-1].startswith("#"), "a comment belongs to what follows it"
        assert found.replaced(found.text) == found.whole == file.read_text(encoding="utf-8")


def test_another_text_takes_its_place_with_its_indentation(tmp_path: Path) -> None:
    file = tmp_path / "guardrails.yml"
    file.write_text(FILE, encoding="utf-8")
    first, second = (excerpt(file, ("policies", number)) for number in (0, 1))
    assert first.text == "id: one\nlevels:\n  - {level: warn, at: 0.8}"
    assert second.text == "{id: two, levels: []}"
    changed = first.replaced("id: one\r\nlevels:\r\n  - {level: warn, at: 0.5}\r\n")
    assert changed == FILE.replace("0.8", "0.5")
    assert second.replaced("id: two\nlevels: []") == FILE.replace("{id: two, levels: []}", "id: two\n    levels: []")


@pytest.mark.parametrize("text", ["", "  \n", "id: &name one", "id: *name", "never_touch: [&a x, *a]"])
def test_what_can_stand_for_texts_of_any_size_is_not_taken(tmp_path: Path, text: str) -> None:
    file = tmp_path / "guardrails.yml"
    file.write_text(FILE, encoding="utf-8")
    with pytest.raises(ValueError, match=r"aliases|nothing is written"):
        excerpt(file, ("policies", 0)).replaced(text)


def test_an_entry_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "guardrails.yml"
    file.write_text(FILE, encoding="utf-8")
    for location in (("policies", 2), ("gate",), ("policies", "id")):
        with pytest.raises(LookupError, match=r"guardrails\.yml has no"):
            excerpt(file, location)
