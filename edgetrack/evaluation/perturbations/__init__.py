"""What makes a sequence harder: corrupted images, occlusion, timing, other prompts."""
