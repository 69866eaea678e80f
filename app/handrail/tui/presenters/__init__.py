"""Pure functions from a run's state to lines, labels and reasons; none of them knows Textual."""
