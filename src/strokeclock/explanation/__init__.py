"""Which part of the input a network's output depends on: Grad-CAM, its overlap with lesions, occlusion."""
