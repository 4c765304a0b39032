"""The lesion: drawn, found on DWI, or segmented by a network; its volume and its ratios."""
