"""Correct the bias field of every series by N4; the ADC is computed from the raw ones.

Inputs: raw (the series' files, or the table of phantoms); found (FSL is there). Params: raw (series ->
file, None where there is none; t2w or adc may be absent). Outputs: every series. Settings:
preprocessing.n4 (shrink, iterations, shared_dwi), b_value in s/mm2.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import correct_bias
from strokeclock.logs import log_to

log_to(snakemake.log[0])
run_step(
    lambda: correct_bias(
        snakemake.params.raw,
        out=dict(snakemake.output.items()),
        b_value=snakemake.params.b_value,
        patient=snakemake.wildcards.patient,
        **snakemake.params.settings,
    ),
    patient=snakemake.wildcards.patient,
    inputs=[],
    outputs=snakemake.output,
)
