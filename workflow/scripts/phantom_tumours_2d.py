"""Make a few phantom brain tumours as the files of Cheng 2015 (MATLAB v7.3), for 2D medical weights."""

from strokeclock.job import run
from strokeclock.phantom.tumour import write_cheng

run(snakemake, write_cheng)
