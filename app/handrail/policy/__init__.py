"""May we? Pure verdicts on facts that others have gathered."""
