"""What every page shares: JSON in scripts, contrast of its colours, being replaced whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reports.page.document import script_json, write_page

CSS = Path(__file__).parents[3] / "reports" / "page" / "page.css"


@pytest.mark.ids("BI-1")
def test_json_in_a_script_cannot_end_it() -> None:
    value = {"a": "</script><!--&\u2028"}
    assert not set("<>&\u2028") & set(script_json(value))
    assert json.loads(script_json(value)) == value


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize("block", [":root {", ':root[data-theme="dark"] {', ":root:not([data-theme]) {"])
def test_text_has_enough_contrast_in_both_themes(block: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1."""
    css = CSS.read_text(encoding="utf-8")
    tokens = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", css.split(block, 1)[1].split("}", 1)[0]))
    pairs = [("ink", "surface"), ("ink", "bg"), ("ink-2", "surface"), ("ink-2", "bg"), ("accent", "surface")]
    pairs += [(tone, f"{tone}-bg") for tone in ("good", "warn", "bad")] + [("ink-2", "neutral-bg")]
    for text, ground in pairs:
        light, dark = sorted((luminance(tokens[text]), luminance(tokens[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (block, text, ground)


@pytest.mark.ids("BI-1")
def test_the_page_replaces_the_former_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "index.html"
    write_page("one", path)
    assert write_page("two", path).read_text(encoding="utf-8") == "two"
    assert [file.name for file in path.parent.iterdir()] == ["index.html"]
