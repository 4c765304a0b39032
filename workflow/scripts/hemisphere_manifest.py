"""List the hemispheres of all included patients with their digests."""

from strokeclock.imaging.hemispheres import write_manifest
from strokeclock.job import run

run(snakemake, write_manifest)
