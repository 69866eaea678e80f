"""The catalogue of common issues: by what a failed step wrote and reported, its cause and what to do."""
