"""List the hemispheres of all included patients with their digests.

Inputs: hemispheres (tables of files); cohort, split, exclusions and volumes, so that behind the manifest
all is settled that is read of patients. Output: manifest (TSV).
"""

from strokeclock.batches import read_batches
from strokeclock.imaging.hemispheres import write_manifest
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_manifest(
    {patient: files["hemispheres"] for patient, files in read_batches(snakemake.input.hemispheres).items()},
    snakemake.output.manifest,
)
