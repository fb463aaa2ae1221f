"""What goes wrong in an evaluation for a reason that the user can mend."""


class EvaluationError(ValueError):
    """Something that was given cannot be evaluated; the message says what, and what to do."""
