"""List the patients' lesion volumes, and who has none and why.

Inputs: lesions, preprocessed (tables of files). Output: volumes (TSV). Params: drawn (whose lesions were
drawn).
"""

from strokeclock.batches import read_batches
from strokeclock.logs import log_to
from strokeclock.segmentation.lesion import write_volumes

log_to(snakemake.log[0])
lesions = read_batches(snakemake.input.lesions)
preprocessed = read_batches(snakemake.input.preprocessed, only=lesions)
drawn = set(snakemake.params.drawn)
write_volumes(
    {patient: files["lesion"] for patient, files in lesions.items()},
    snakemake.output.volumes,
    transforms={patient: files["t2w_to_atlas"] for patient, files in preprocessed.items()},
    drawn={patient: patient in drawn for patient in lesions},
)
