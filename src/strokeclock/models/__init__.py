"""The 2D and the 3D network, and the attention gate that both use."""
