"""Where a network looks: Grad-CAM, its overlap with the lesion, occlusion."""
