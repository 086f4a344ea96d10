"""What the checker of accessibility, axe-core, finds on the page that a browser shows.

Here: running it, its findings as text.
Not here: which pages are checked.
"""

from __future__ import annotations

from pathlib import Path

from selenium import webdriver

AXE = Path(__file__).resolve().parents[2] / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"


def findings(driver: webdriver.Chrome) -> list[str]:
    """Violations of WCAG 2.2 A and AA and of best practice: the rule and where, nothing if there is none.

    The page's policy lets no foreign script run; the driver's own are beyond it.
    """
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = driver.execute_async_script(
        """
        const done = arguments[0];
        axe.run(document, {resultTypes: ["violations"], iframes: false}).then(result => done(result.violations.map(
          v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120) + " " + n.failureSummary.split("\\n")[1])
            .join(" | "))), error => done(["axe: " + error]));
        """
    )
    return list(found)
