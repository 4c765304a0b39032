"""List the hemispheres of all included patients with their digests."""

from strokeclock.job import run
from strokeclock.imaging.hemispheres import write_manifest

run(snakemake, write_manifest)
