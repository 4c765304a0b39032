"""Make a few phantom brain tumours as the files of Cheng 2015 (MATLAB v7.3), for 2D medical weights.

Output: folder. Settings: phantom.seed; patients, slices.
"""

from strokeclock.logs import log_to
from strokeclock.phantom.tumour import write_cheng

log_to(snakemake.log[0])
write_cheng(
    snakemake.output.folder,
    patients=snakemake.params.patients,
    slices=snakemake.params.slices,
    seed=snakemake.params.seed,
)
