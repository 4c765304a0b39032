"""From predictions to numbers: metrics, intervals, readers, Grad-CAM, Table 2."""
