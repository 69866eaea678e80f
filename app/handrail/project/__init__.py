"""What is deployed to: `handrail.toml` of the application's repository."""
