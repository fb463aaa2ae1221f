"""What each trainer, and a machine without a GPU, needs or cannot do."""
