"""What each trainer, the cluster, and a machine without a GPU need or cannot do."""
