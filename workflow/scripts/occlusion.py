"""Paint the lesions over with the contralateral hemisphere's tissue, and predict anew."""

from strokeclock.explanation.occlusion import write_occlusion
from strokeclock.job import run

run(snakemake, write_occlusion)
