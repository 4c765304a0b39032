"""Paint the lesions over with the contralateral hemisphere's tissue, and predict anew."""

from strokeclock.job import run
from strokeclock.explanation.occlusion import write_occlusion

run(snakemake, write_occlusion)
