"""The plan of a run: what a configuration asks to be made, one module for each subject.

Imports nothing heavy, since every machine that runs Snakemake imports it. Paths are from the working folder.
Params of rules are lists and dictionaries, as in the configuration: for Snakemake a tuple in place of a list
is another param, so that it would make all files of the rule anew.
"""
