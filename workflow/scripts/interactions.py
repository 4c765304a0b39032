"""Test whether a row of Table 2 does better in some groups of patients than in others."""

from strokeclock.job import run
from strokeclock.evaluation.interactions import write_interactions

run(snakemake, write_interactions)
