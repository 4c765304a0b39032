"""List the hemispheres of all included patients with their hashes.

Input: hemispheres (npy of every patient). Output: manifest (TSV). Settings: none.
"""

from strokeclock.imaging.hemispheres import write_manifest
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_manifest(
    dict(zip(snakemake.params.patients, snakemake.input.hemispheres, strict=True)), snakemake.output.manifest
)
