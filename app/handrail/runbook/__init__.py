"""What to do: the document that a team already has, read so that a machine can act on it."""
