"""Cards in a real browser, as a manager opens them: on a phone in the dark, and on a desk."""

from pathlib import Path

import pytest

from churn.__main__ import main

SCREENS = ((360, "dark"), (1280, "light"))
LOOK = Path(__file__).with_name("card_look.js").read_text()
# Of the charts, whose marks are many, the script above looks at what can be read.
WORDS = {"include": [["body"]], "exclude": [[".vega-embed"]]}
RULES = {"runOnly": ["wcag2aa", "wcag2a"]}
WITHOUT_CHARTS = {"effects", "evidently"}


def check_cards(pathspec: str, chromium: str, folder: Path, names: set[str]) -> None:
    """Write the cards of a run, and look at each on every screen.

    Nothing is wider than the screen, no other host is asked, labels of an axis are all different
    and apart, no text of a chart is cut, and axe finds every text readable.
    """
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    assert main(["cards", pathspec, "--to", str(folder)]) == 0
    assert {path.stem for path in folder.iterdir()} == names
    wrong: dict[str, object] = {}
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in sorted(folder.iterdir()):
            for width, scheme in SCREENS:
                page = browser.new_page(
                    viewport={"width": width, "height": 800}, color_scheme=scheme
                )
                asked, errors = [], []
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
                page.goto(path.as_uri())
                page.wait_for_selector(".mf-card h1")
                page.wait_for_timeout(400)
                violations = axe.run(page, context=WORDS, options=RULES).response
                charts = page.evaluate(LOOK)
                found = {
                    "wider": page.evaluate("document.documentElement.scrollWidth - innerWidth"),
                    "asked": [u for u in asked if u.startswith(("http:", "https:", "//"))],
                    "errors": errors,
                    "axe": [
                        f"{one['id']}: {one['nodes'][0]['html'][:150]}"
                        for one in violations["violations"]
                    ],
                    "repeated": [a for c in charts for a in c["axes"] if len(a) > len({*a})],
                    "cut": [text for c in charts for text in c["cut"]],
                    "over each other": [text for c in charts for text in c["over"]],
                }
                if any(found.values()):
                    shown = {name: value for name, value in found.items() if value}
                    wrong[f"{path.stem} at {width}, {scheme}"] = shown
                assert bool(charts) == (path.stem not in WITHOUT_CHARTS), path.stem
                page.close()
        browser.close()
    assert wrong == {}
