"""What one person has set for all their runs: keys, colours, bell and title; never a rule of a run."""
