"""Find the lesion's side in the test patients, and in those in no part, by the fitted rule."""

from strokeclock.job import run
from strokeclock.evaluation.side import find_sides
from strokeclock.training.prediction import detect_undivided

run(snakemake, detect_undivided, find_sides)
