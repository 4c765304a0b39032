"""Strip what the first BET left from the registered T2w; its mask is the brain mask of every series.

Input: t2w (on the atlas grid). Output: brain_mask. Setting: preprocessing.fsl.second_bet_fraction.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import strip_again
from strokeclock.logs import log_to

log_to(snakemake.log[0])
run_step(
    lambda: strip_again(
        snakemake.input.t2w,
        brain_mask=snakemake.output.brain_mask,
        fraction=snakemake.params.fraction,
        patient=snakemake.wildcards.patient,
    ),
    patient=snakemake.wildcards.patient,
    inputs=snakemake.input,
    outputs=snakemake.output,
)
