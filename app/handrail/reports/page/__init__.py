"""A run as one document that is passed around: what stands in it, and its two writers, HTML and Markdown."""
