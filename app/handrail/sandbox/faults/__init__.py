"""What can be broken in the running sandbox, without a restart: the application itself, and its metrics."""
