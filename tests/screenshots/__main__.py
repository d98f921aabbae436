"""Take all pictures of the running site into docs/images: `python -m tests.screenshots [NAME …]`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.requirements import chromium
from tests.screenshots.pictures import all_pictures
from tests.system import sample
from tests.system.conftest import CHROMIUM_OPTIONS
from tests.system.running_site import ROOT, RunningSite
from tests.system.visiting import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.screenshots.pictures import Picture
    from tests.system.sample import Sampled

IMAGES = ROOT / "docs" / "images"
BOOKS = 12_000
# What is there when nothing is on its way any more; and what of a picture is not the page's.
OPTIONS = {"animations": "disabled", "caret": "hide", "scale": "css"}
LEAST_HEIGHT = 200  # pixels


def main(names: list[str]) -> None:
    """Take the pictures whose names hold one of `names`, or all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as directory, sync_playwright() as driver:
        site = RunningSite(Path(directory), f"sqlite:///{directory}/db.sqlite3")
        site.prepare()
        site.manage_well("load_books", "--sample")
        site.manage_well("generate_books", BOOKS, "--seed", 1)
        made = sample.add_to(site)
        browser = driver.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        try:
            site.start()
            for picture in all_pictures(made):
                if not names or any(name in picture.name for name in names):
                    take(browser, made, picture)
        finally:
            browser.close()
            made.end()


def take(browser: Browser, sampled: Sampled, picture: Picture) -> None:
    size = {"width": picture.width, "height": picture.height or LEAST_HEIGHT}
    options = {"viewport": size, "color_scheme": picture.scheme, "reduced_motion": "reduce"}
    with visit(browser, sampled, picture.who, **options) as page:
        answer = page.goto(picture.path)
        assert answer.ok, f"{picture.path}: {answer.status}"
        page.evaluate("document.fonts.ready")
        picture.before(page)
        path = IMAGES / f"{picture.name}.png"
        page.screenshot(path=path, full_page=picture.height is None, **OPTIONS)
    print(f"{path.relative_to(ROOT)} {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main(sys.argv[1:])
