"""What is watched after a deployment: signals, their samples in windows, baselines and verdicts; all pure."""
