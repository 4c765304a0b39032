"""The radiomics baseline after Lee et al. 2020."""
