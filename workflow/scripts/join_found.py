"""Average the scores of networks and of the segmented ratios, of the hemisphere that was found."""

from strokeclock.job import run
from strokeclock.found_sides import join_found_scores

run(snakemake, join_found_scores)
