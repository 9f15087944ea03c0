"""What a capture is written as: speedscope, flame graph, readable report, and the folder that keeps them."""
