"""Make a few phantom brain tumours as the files of Buda 2019 (TIFF), for 3D medical weights.

Output: folder. Settings: phantom.seed; patients, slices.
"""

from strokeclock.logs import log_to
from strokeclock.phantom.tumour import write_lgg

log_to(snakemake.log[0])
write_lgg(
    snakemake.output.folder,
    patients=snakemake.params.patients,
    slices=snakemake.params.slices,
    seed=snakemake.params.seed,
)
