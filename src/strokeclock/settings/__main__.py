"""Write what is made from the settings, in this checkout: python -m strokeclock.settings"""

from pathlib import Path

from strokeclock.files import write_whole
from strokeclock.settings.pages import PAGES

ROOT = Path(__file__).parents[3]

for path, make in PAGES.items():
    write_whole(ROOT / path, make())
    print(ROOT / path)
