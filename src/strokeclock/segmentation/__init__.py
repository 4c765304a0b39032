"""The lesion: as drawn, as found on DWI, as a network segments it; its volume and its ratios."""
