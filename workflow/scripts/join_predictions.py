"""Join what a network and the outlined lesion say of the same patients: the mean of both scores.

Inputs: network, outlined (predictions).
Output: predictions (patient, hemisphere, part, label, score).
"""

from strokeclock.logs import log_to
from strokeclock.predictions import join_predictions

log_to(snakemake.log[0])
join_predictions([snakemake.input.network, snakemake.input.outlined], snakemake.output.predictions)
