"""From BIDS, DICOM and other formats to a cohort sheet and the volumes that it names."""
