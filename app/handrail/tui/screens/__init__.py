"""What binds keys and sends commands."""
