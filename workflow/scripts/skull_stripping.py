"""Strip neck and skull by BET.

Inputs and outputs: t2w and every series that is registered to it.
Settings: preprocessing.fsl.bet_fraction, bet_robust.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import strip_skull
from strokeclock.logs import log_to

log_to(snakemake.log[0])
run_step(
    lambda: strip_skull(
        dict(snakemake.input.items()),
        out=dict(snakemake.output.items()),
        patient=snakemake.wildcards.patient,
        **snakemake.params.settings,
    ),
    patient=snakemake.wildcards.patient,
    inputs=snakemake.input,
    outputs=snakemake.output,
)
