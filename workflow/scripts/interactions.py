"""Test whether a row of Table 2 does better in some groups of patients than in others."""

from strokeclock.evaluation.interactions import write_interactions
from strokeclock.job import run

run(snakemake, write_interactions)
