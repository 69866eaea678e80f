"""What would hurt at 3 a.m.: facts of this machine, and what they mean."""
