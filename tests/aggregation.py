"""The four aggregation modes by hand, for references."""


def aggregate(row_sums, counts, mode, width):
    """Of the rows of one kind: their token sums and token counts, in a batch of a width."""
    if mode == "token-mean":
        return sum(row_sums) / sum(counts)
    if mode == "seq-mean-token-mean":
        return sum(s / c for s, c in zip(row_sums, counts, strict=True) if c) / len(counts)
    if mode == "seq-mean-token-sum":
        return sum(row_sums) / len(counts)
    return sum(row_sums) / width
