"""Turn every series to the axes of MNI-152 (fslreorient2std).

Inputs and outputs: every series.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import reorient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
run_step(
    lambda: reorient(
        dict(snakemake.input.items()),
        out=dict(snakemake.output.items()),
        patient=snakemake.wildcards.patient,
    ),
    patient=snakemake.wildcards.patient,
    inputs=snakemake.input,
    outputs=snakemake.output,
)
