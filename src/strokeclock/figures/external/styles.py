"""Names, colours and lines that the figures of an external test share."""

from strokeclock.evaluation.external.readings import FOUND, GIVEN
from strokeclock.figures.roc import Style
from strokeclock.figures.style import BLUE, VERMILION

SIDES = {GIVEN: Style("side given", BLUE, "-"), FOUND: Style("side found", VERMILION, (0, (5, 1.5)))}
NOTHING_READ = "No row of the bundle was read."
NOBODY = "no patient of known class"
